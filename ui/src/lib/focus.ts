/** The part of the window beside the sidebar, which can have the focus. */
export function screenElement(): HTMLElement | null {
  return document.getElementById("screen");
}

/** Gives the focus to the screen, from where keys work, when what had it goes away. */
export function focusScreen(): void {
  screenElement()?.focus({ preventScroll: true });
}
