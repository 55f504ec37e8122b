import { Popover as Base } from "@base-ui/react/popover";
import { type ReactElement, type ReactNode, useState } from "react";
import { cx } from "../lib/cx";
import f from "./floating.module.css";
import s from "./Popover.module.css";

export interface PopoverProps {
  trigger: ReactElement;
  title: string;
  children: (close: () => void) => ReactNode;
  /** It is there because it was asked for: show it at once. */
  defaultOpen?: boolean | undefined;
}

/** A small panel beside the button that opens it. */
export function Popover({ trigger, title, children, defaultOpen = false }: PopoverProps) {
  const [open, setOpen] = useState(defaultOpen);
  return (
    <Base.Root open={open} onOpenChange={setOpen}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={cx(f.positioner)} sideOffset={8} align="end">
          <Base.Popup className={cx(f.surface, s.popup)}>
            <Base.Title className={cx(s.title)}>{title}</Base.Title>
            {children(() => setOpen(false))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
