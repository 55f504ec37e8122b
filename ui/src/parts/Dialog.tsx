import { Dialog as Base } from "@base-ui/react/dialog";
import { type ReactNode, useRef } from "react";
import { cx } from "../lib/cx";
import s from "./Dialog.module.css";
import { IconClose } from "./icons";

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  /** Width in px, as far as the window has it. */
  width?: number | undefined;
  children: ReactNode;
  footer?: ReactNode;
}

/**
 * A dialog over the window: Esc closes, focus stays inside and returns to where it was. It begins at
 * the first field, or at what is marked `data-first`.
 */
export function Dialog({
  open,
  onClose,
  title,
  description,
  width = 480,
  children,
  footer,
}: DialogProps) {
  const body = useRef<HTMLDivElement>(null);
  const popup = useRef<HTMLDivElement>(null);
  const first = () =>
    body.current?.querySelector<HTMLElement>(
      "[autofocus],input:not([disabled]),textarea:not([disabled]),.cm-content",
    ) ??
    popup.current?.querySelector<HTMLElement>("[data-first]") ??
    popup.current;
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={cx(s.backdrop)} />
        <Base.Popup
          ref={popup}
          initialFocus={first}
          className={cx(s.popup)}
          style={{ width: `min(${width}px, calc(100vw - 32px))` }}
        >
          <div className={s.header}>
            <div className={s.heading}>
              <Base.Title className={cx(s.title)}>{title}</Base.Title>
              {description !== undefined && (
                <Base.Description className={cx(s.description)}>{description}</Base.Description>
              )}
            </div>
            <Base.Close className={cx(s.close)} aria-label="Close">
              <IconClose size={16} />
            </Base.Close>
          </div>
          <div ref={body} className={s.body}>
            {children}
          </div>
          {footer !== undefined && <div className={s.footer}>{footer}</div>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
