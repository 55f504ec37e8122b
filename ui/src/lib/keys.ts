import { useEffect, useRef } from "react";

/**
 * Keys of the whole window. A combination is written `mod+k`, `shift+/`, `t`, `mod+enter`;
 * `mod` is ⌘ on a Mac and Ctrl elsewhere. Single letters never fire while somebody types.
 */
interface Handler {
  keys: string;
  run: (event: KeyboardEvent) => void;
  typing: boolean;
  inDialog: boolean;
}

export const isMac =
  typeof navigator !== "undefined" && /mac|iphone|ipad/i.test(navigator.platform);

const handlers: Handler[] = [];

/** Whether keys pressed here belong to a text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest(".cm-editor")) return true;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target instanceof HTMLInputElement) {
    return !["checkbox", "radio", "button", "submit", "range", "color"].includes(target.type);
  }
  return target instanceof HTMLElement && target.isContentEditable;
}

/** The written form of a key press, to compare with a combination. */
export function written(event: KeyboardEvent): string {
  const parts: string[] = [];
  const mod = isMac ? event.metaKey : event.ctrlKey;
  if (mod) parts.push("mod");
  if (isMac && event.ctrlKey) parts.push("ctrl");
  if (!isMac && event.metaKey) parts.push("meta");
  if (event.altKey) parts.push("alt");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase();
  const named = key === " " ? "space" : key === "escape" ? "esc" : key;
  const symbol = named.length === 1 && named.toUpperCase() === named.toLowerCase();
  if (event.shiftKey && !symbol) parts.push("shift");
  parts.push(named);
  return parts.join("+");
}

function inDialog(target: EventTarget | null): boolean {
  if (
    target instanceof Element &&
    target.closest('[role="dialog"],[role="alertdialog"],[role="menu"]')
  )
    return true;
  return document.querySelector('[role="dialog"],[role="alertdialog"]') !== null;
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const combination = written(event);
  const typing = isTyping(event.target) && !combination.startsWith("mod+") && combination !== "esc";
  const dialog = inDialog(event.target);
  for (let i = handlers.length - 1; i >= 0; i -= 1) {
    const handler = handlers[i];
    if (handler === undefined || handler.keys !== combination) continue;
    if (typing && !handler.typing) continue;
    if (dialog && !handler.inDialog) continue;
    event.preventDefault();
    handler.run(event);
    return;
  }
}

let listening = false;

/** Adds a key for as long as the returned function is not called; the newest wins. */
export function addHotkey(
  keys: string,
  run: (event: KeyboardEvent) => void,
  options: { typing?: boolean | undefined; inDialog?: boolean | undefined } = {},
): () => void {
  if (!listening) {
    window.addEventListener("keydown", onKeyDown);
    listening = true;
  }
  const handler: Handler = {
    keys,
    run,
    typing: options.typing ?? false,
    inDialog: options.inDialog ?? false,
  };
  handlers.push(handler);
  return () => {
    const at = handlers.indexOf(handler);
    if (at >= 0) handlers.splice(at, 1);
  };
}

/** A key that works while the component is mounted and `enabled` is not false. */
export function useHotkey(
  keys: string | readonly string[],
  run: (event: KeyboardEvent) => void,
  options: { enabled?: boolean; typing?: boolean; inDialog?: boolean } = {},
): void {
  const latest = useRef(run);
  latest.current = run;
  const list = typeof keys === "string" ? keys : keys.join(" ");
  const { enabled = true, typing, inDialog: within } = options;
  useEffect(() => {
    if (!enabled) return;
    const remove = list
      .split(" ")
      .map((one) => addHotkey(one, (event) => latest.current(event), { typing, inDialog: within }));
    return () => {
      for (const each of remove) each();
    };
  }, [list, enabled, typing, within]);
}

const NAMES: Record<string, string> = {
  enter: "↵",
  esc: "Esc",
  shift: isMac ? "⇧" : "Shift",
  alt: isMac ? "⌥" : "Alt",
  mod: isMac ? "⌘" : "Ctrl",
  arrowup: "↑",
  arrowdown: "↓",
  space: "Space",
};

/** A combination as it is printed on keys: "⌘K" or "Ctrl K". */
export function keyText(keys: string): string {
  const parts = keys.split("+").map((part) => NAMES[part] ?? part.toUpperCase());
  return parts.join(isMac ? "" : " ");
}
