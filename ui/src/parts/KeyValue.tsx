import type { ReactNode } from "react";
import s from "./KeyValue.module.css";

/** Labels in grey with their values. */
export function KeyValue({
  items,
  labelWidth = 104,
}: {
  items: readonly { label: string; value: ReactNode }[];
  labelWidth?: number;
}) {
  return (
    <dl className={s.list} style={{ gridTemplateColumns: `${labelWidth}px minmax(0, 1fr)` }}>
      {items.map((item) => (
        <div key={item.label} className={s.row}>
          <dt className={s.label}>{item.label}</dt>
          <dd className={s.value}>{item.value}</dd>
        </div>
      ))}
    </dl>
  );
}
