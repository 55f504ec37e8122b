import type { ComponentProps } from "react";
import { cx } from "../lib/cx";
import s from "./Button.module.css";
import { Kbd } from "./Kbd";

export type ButtonVariant = "primary" | "secondary" | "quiet" | "danger";
export type ButtonSize = "md" | "sm";

export interface ButtonProps extends ComponentProps<"button"> {
  variant?: ButtonVariant | undefined;
  size?: ButtonSize | undefined;
  /** The key that does the same, shown behind the words. */
  kbd?: string | undefined;
  /** Something is under way: no second press, and the words and the focus stay. */
  busy?: boolean | undefined;
}

export function buttonClass(variant: ButtonVariant = "secondary", size: ButtonSize = "md"): string {
  return cx(s.button, s[variant], s[size]);
}

export function Button({
  variant,
  size,
  kbd,
  busy,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      className={cx(buttonClass(variant, size), className)}
    >
      {children}
      {kbd !== undefined && <Kbd keys={kbd} />}
    </button>
  );
}
