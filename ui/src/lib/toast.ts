import type { Tone } from "./outcome";

/** A short message that goes away by itself. */
export interface ToastContent {
  title: string;
  description?: string | undefined;
  tone?: Tone | undefined;
  /** Takes the thing back; shown as a button and bound to mod+z while the toast is up. */
  undo?: (() => unknown) | undefined;
  undoLabel?: string | undefined;
  action?: { label: string; onClick: () => void } | undefined;
}

/** A toast that is on the screen. */
export interface ToastItem extends ToastContent {
  id: number;
}

const MOST = 3;
let items: readonly ToastItem[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly ToastItem[]): void {
  items = next;
  for (const tell of listeners) tell();
}

/** Shows a toast in place of one that says the same; the oldest goes when there are more than three. */
export function toast(content: ToastContent): number {
  const id = nextId++;
  const others = items.filter(
    ({ title, description }) => title !== content.title || description !== content.description,
  );
  set([...others, { ...content, id }].slice(-MOST));
  return id;
}

/** Takes a toast off the screen. */
export function dismissToast(id: number): void {
  set(items.filter((item) => item.id !== id));
}

/** For the one component that draws them. */
export const toasts = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  },
  current: (): readonly ToastItem[] => items,
};
