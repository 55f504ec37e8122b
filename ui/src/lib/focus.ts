import { useState } from "react";

/**
 * Where the focus goes when what is being opened closes again: back to what had it, and to the
 * screen when nothing had. Without a word, the first field of the window would get it, and with it
 * the keys that are meant for the screen.
 */
export function useWayBack(): () => HTMLElement | true {
  const [before] = useState(() => document.activeElement);
  return () =>
    before === null || before === document.body || !before.isConnected
      ? (document.querySelector<HTMLElement>("main") ?? true)
      : true;
}
