import { Select as Base } from "@base-ui/react/select";
import { cx } from "../lib/cx";
import type { Tone } from "../lib/outcome";
import { Dot } from "./Dot";
import f from "./floating.module.css";
import { IconCheck, IconChevronDown } from "./icons";
import s from "./Select.module.css";

export interface SelectOption<T extends string | number> {
  value: T;
  label: string;
  hint?: string | undefined;
  tone?: Tone | undefined;
}

export interface SelectProps<T extends string | number> {
  value: T | null;
  onChange: (value: T) => void;
  options: readonly SelectOption<T>[];
  /** Name for a screen reader when no label element stands beside it. */
  label?: string | undefined;
  placeholder?: string | undefined;
  disabled?: boolean | undefined;
  id?: string | undefined;
  size?: "md" | "sm" | undefined;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: true | undefined;
}

export function Select<T extends string | number>(props: SelectProps<T>) {
  const { value, onChange, options, label, placeholder = "Choose…", disabled, id, size } = props;
  const chosen = options.find((option) => option.value === value);
  return (
    <Base.Root<T>
      value={value}
      onValueChange={(next) => {
        if (next !== null) onChange(next);
      }}
      disabled={disabled ?? false}
      items={options.map((option) => ({ value: option.value, label: option.label }))}
      {...(id === undefined ? {} : { id })}
    >
      <Base.Trigger
        className={cx(s.trigger, size === "sm" && s.small)}
        aria-label={label}
        aria-describedby={props["aria-describedby"]}
        aria-invalid={props["aria-invalid"]}
      >
        {chosen?.tone !== undefined && <Dot tone={chosen.tone} />}
        <Base.Value className={cx(s.value)}>
          {() => chosen?.label ?? <span className={s.placeholder}>{placeholder}</span>}
        </Base.Value>
        <Base.Icon className={cx(s.icon)}>
          <IconChevronDown size={14} />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className={cx(f.positioner)} sideOffset={4} alignItemWithTrigger={false}>
          <Base.Popup className={cx(f.surface, s.popup)}>
            <Base.List aria-label={label}>
              {options.map((option) => (
                <Base.Item key={option.value} value={option.value} className={cx(f.item)}>
                  {option.tone !== undefined && <Dot tone={option.tone} />}
                  <span className={f.label}>
                    <Base.ItemText>{option.label}</Base.ItemText>
                    {option.hint !== undefined && <span className={f.hint}>{option.hint}</span>}
                  </span>
                  <Base.ItemIndicator className={cx(f.tick)}>
                    <IconCheck size={14} />
                  </Base.ItemIndicator>
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
