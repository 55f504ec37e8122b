import { useCallback, useSyncExternalStore } from "react";

/** One clock for every relative time on the screen; it runs only while somebody looks at it. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let current = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    current = Date.now();
    for (const tell of listeners) tell();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function read(): number {
  if (timer === undefined) current = Date.now();
  return current;
}

/** Words that depend on now; renders again only when they change. */
export function useTicking(words: (now: number) => string): string {
  const snapshot = useCallback(() => words(read()), [words]);
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}
