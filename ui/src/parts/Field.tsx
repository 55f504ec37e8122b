import { type ReactNode, useId } from "react";
import s from "./Field.module.css";

/** What a field hands to its control. */
export interface FieldControl {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

export interface FieldProps {
  label: string;
  hint?: ReactNode;
  /** What is wrong and what to do; shown in place of the hint. */
  error?: ReactNode;
  children: (control: FieldControl) => ReactNode;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const note = `${id}-note`;
  const wrong = error !== undefined && error !== null && error !== "" && error !== false;
  const described = wrong || (hint !== undefined && hint !== null);
  const control: FieldControl = { id };
  if (described) control["aria-describedby"] = note;
  if (wrong) control["aria-invalid"] = true;
  return (
    <div className={s.field}>
      <label htmlFor={id} className={s.label}>
        {label}
      </label>
      {children(control)}
      {described && (
        <p id={note} className={wrong ? s.error : s.hint} role={wrong ? "alert" : undefined}>
          {wrong ? error : hint}
        </p>
      )}
    </div>
  );
}
