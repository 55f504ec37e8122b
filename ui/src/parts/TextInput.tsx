import type { ComponentProps, ReactNode } from "react";
import { cx } from "../lib/cx";
import s from "./TextInput.module.css";

export interface TextInputProps extends ComponentProps<"input"> {
  mono?: boolean | undefined;
  invalid?: boolean | undefined;
  /** Buttons or a badge at the end, inside the frame. */
  trailing?: ReactNode;
}

export function TextInput({ mono, invalid, trailing, className, ...rest }: TextInputProps) {
  const wrong = invalid ?? Boolean(rest["aria-invalid"]);
  return (
    <span className={cx(s.frame, wrong && s.invalid, className)}>
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        {...rest}
        aria-invalid={wrong || undefined}
        className={cx(s.input, mono && s.mono)}
      />
      {trailing !== undefined && <span className={s.trailing}>{trailing}</span>}
    </span>
  );
}

export interface TextAreaProps extends ComponentProps<"textarea"> {
  mono?: boolean | undefined;
  invalid?: boolean | undefined;
}

export function TextArea({ mono, invalid, className, ...rest }: TextAreaProps) {
  return (
    <span className={cx(s.frame, s.area, invalid && s.invalid, className)}>
      <textarea
        rows={3}
        {...rest}
        aria-invalid={invalid || undefined}
        className={cx(s.input, mono && s.mono)}
      />
    </span>
  );
}
