import { type ReactNode, useId } from "react";
import { cx } from "../lib/cx";
import s from "./RadioGroup.module.css";

export interface RadioOption<T extends string> {
  value: T;
  label: ReactNode;
  /** What choosing it means. */
  hint?: string | undefined;
  disabled?: boolean | undefined;
}

export interface RadioGroupProps<T extends string> {
  /** What is chosen, above the options. */
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly RadioOption<T>[];
  /** Side by side, as far as there is room. */
  across?: boolean | undefined;
}

/** One of a few, each with a line that says what it means. */
export function RadioGroup<T extends string>({
  label,
  value,
  onChange,
  options,
  across = false,
}: RadioGroupProps<T>) {
  const id = useId();
  return (
    <fieldset className={s.group}>
      <legend className={s.legend}>{label}</legend>
      <div className={cx(s.options, across && s.across)}>
        {options.map((option) => (
          <label key={option.value} className={s.option}>
            <input
              type="radio"
              name={id}
              className={s.radio}
              checked={option.value === value}
              disabled={option.disabled ?? false}
              aria-describedby={option.hint === undefined ? undefined : `${id}-${option.value}`}
              aria-labelledby={`${id}-${option.value}-label`}
              onChange={() => onChange(option.value)}
            />
            <span id={`${id}-${option.value}-label`} className={s.label}>
              {option.label}
            </span>
            {option.hint !== undefined && (
              <span id={`${id}-${option.value}`} className={s.hint}>
                {option.hint}
              </span>
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
