import { Checkbox as Base } from "@base-ui/react/checkbox";
import { type ReactNode, useId } from "react";
import { cx } from "../lib/cx";
import s from "./Checkbox.module.css";

export interface CheckboxProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: ReactNode;
  hideLabel?: boolean | undefined;
  indeterminate?: boolean | undefined;
  disabled?: boolean | undefined;
}

export function Checkbox({
  checked,
  onChange,
  label,
  hideLabel,
  indeterminate,
  disabled,
}: CheckboxProps) {
  const id = useId();
  return (
    <span className={s.row}>
      <Base.Root
        className={cx(s.box)}
        checked={checked}
        indeterminate={indeterminate ?? false}
        onCheckedChange={(next) => onChange(next)}
        disabled={disabled ?? false}
        aria-labelledby={id}
      >
        <Base.Indicator className={cx(s.tick)}>
          <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
            <path
              d={indeterminate ? "M3 6h6" : "M2.5 6.2 5 8.7l4.5-5"}
              fill="none"
              stroke="currentColor"
              strokeWidth="1.8"
              strokeLinecap="round"
              strokeLinejoin="round"
            />
          </svg>
        </Base.Indicator>
      </Base.Root>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the box beside it is the control; this only widens what can be hit */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the box takes the keyboard */}
      <span
        id={id}
        className={hideLabel ? "visually-hidden" : s.label}
        onClick={() => !disabled && onChange(!checked)}
      >
        {label}
      </span>
    </span>
  );
}
