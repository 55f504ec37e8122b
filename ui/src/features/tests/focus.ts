import { useEffect, useState } from "react";

/**
 * When the dialog has closed and left the focus nowhere, gives it back to what had it before, or
 * to the list or the screen behind it. A dialog opened by a key has no trigger to return to.
 */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      setTimeout(() => {
        const { activeElement, body } = document;
        if (activeElement !== null && activeElement !== body) return;
        if (document.querySelector('[role="dialog"]') !== null) return;
        const back =
          before instanceof HTMLElement && before !== body && before.isConnected
            ? before
            : (document.querySelector<HTMLElement>('main [role="listbox"]') ??
              document.querySelector<HTMLElement>("main"));
        back?.focus({ preventScroll: true });
      });
    },
    [before],
  );
}
