import type { Appearance } from "../ipc/gen/Appearance";

/** `public/first.js` reads the same name before the first paint. */
const KEY = "usher.appearance";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): Appearance {
  const text = localStorage.getItem(KEY);
  return text === "light" || text === "dark" ? text : "system";
}

function apply(): void {
  const choice = stored();
  const theme = choice === "dark" || (choice === "system" && dark.matches) ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
}

/** Shows the window in this appearance, and remembers it for the next start. */
export function setAppearance(choice: Appearance): void {
  localStorage.setItem(KEY, choice);
  apply();
}

/** Follows the system from now on, where nothing else was chosen. */
export function followSystem(): void {
  apply();
  dark.addEventListener("change", apply);
}
