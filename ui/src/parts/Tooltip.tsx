import { Tooltip as Base } from "@base-ui/react/tooltip";
import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import s from "./Tooltip.module.css";

/** Words beside the element they explain. */
export function Tooltip({
  anchor,
  content,
  onClose,
}: {
  anchor: Element;
  content: ReactNode;
  onClose: () => void;
}) {
  return (
    <Base.Root
      open
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Positioner className={cx(s.positioner)} anchor={anchor} sideOffset={6}>
          <Base.Popup className={cx(s.popup)}>{content}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
