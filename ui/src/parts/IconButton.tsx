import { cx } from "../lib/cx";
import { type ButtonProps, buttonClass } from "./Button";
import s from "./Button.module.css";
import { Tooltip } from "./Tooltip";

export interface IconButtonProps extends Omit<ButtonProps, "kbd" | "busy"> {
  /** What it does: its name for a screen reader and its tooltip. */
  label: string;
}

export function IconButton({
  label,
  variant = "quiet",
  size,
  className,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip content={label}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={cx(buttonClass(variant, size), s.icon, className)}
      />
    </Tooltip>
  );
}
