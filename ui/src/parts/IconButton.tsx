import { lazy, Suspense, type SyntheticEvent, useEffect, useRef, useState } from "react";
import { cx } from "../lib/cx";
import { type ButtonProps, buttonClass } from "./Button";
import s from "./Button.module.css";

const Tooltip = lazy(async () => ({ default: (await import("./Tooltip")).Tooltip }));
const HOVER_MS = 350;

export interface IconButtonProps extends Omit<ButtonProps, "kbd" | "busy"> {
  /** What it does: its name for a screen reader and its tooltip. */
  label: string;
}

/** A button without words. They appear beside it after a moment of hovering, or on focus. */
export function IconButton({
  label,
  variant = "quiet",
  size,
  className,
  onPointerEnter,
  onPointerLeave,
  onPointerDown,
  onFocus,
  onBlur,
  ...rest
}: IconButtonProps) {
  const [anchor, setAnchor] = useState<Element | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const show = (event: SyntheticEvent, ms: number) => {
    const button = event.currentTarget;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setAnchor(button), ms);
  };
  const hide = () => {
    clearTimeout(timer.current);
    setAnchor(null);
  };

  return (
    <>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={cx(buttonClass(variant, size), s.icon, className)}
        onPointerEnter={(event) => {
          show(event, HOVER_MS);
          onPointerEnter?.(event);
        }}
        onPointerLeave={(event) => {
          hide();
          onPointerLeave?.(event);
        }}
        onPointerDown={(event) => {
          hide();
          onPointerDown?.(event);
        }}
        onFocus={(event) => {
          if (event.currentTarget.matches(":focus-visible")) show(event, 0);
          onFocus?.(event);
        }}
        onBlur={(event) => {
          hide();
          onBlur?.(event);
        }}
      />
      {anchor !== null && (
        <Suspense fallback={null}>
          <Tooltip anchor={anchor} content={label} onClose={hide} />
        </Suspense>
      )}
    </>
  );
}
