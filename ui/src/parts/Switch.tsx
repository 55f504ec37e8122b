import { Switch as Base } from "@base-ui/react/switch";
import { cx } from "../lib/cx";
import s from "./Switch.module.css";

export interface SwitchProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: string;
  hideLabel?: boolean | undefined;
  disabled?: boolean | undefined;
}

export function Switch({ checked, onChange, label, hideLabel, disabled }: SwitchProps) {
  const control = (
    <Base.Root
      className={cx(s.switch)}
      checked={checked}
      onCheckedChange={(next) => onChange(next)}
      disabled={disabled ?? false}
      aria-label={label}
    >
      <Base.Thumb className={cx(s.thumb)} />
    </Base.Root>
  );
  if (hideLabel) return control;
  return (
    <span className={s.row}>
      {control}
      <span aria-hidden="true">{label}</span>
    </span>
  );
}
