import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import { count } from "../lib/number";
import s from "./Tabs.module.css";

export interface TabItem<T extends string> {
  value: T;
  label: string;
  count?: number | undefined;
}

export interface TabsProps<T extends string> {
  value: T;
  onChange: (value: T) => void;
  tabs: readonly TabItem<T>[];
  /** The panel of the chosen tab. */
  children: ReactNode;
  label?: string | undefined;
}

export function Tabs<T extends string>({ value, onChange, tabs, children, label }: TabsProps<T>) {
  return (
    <Base.Root value={value} onValueChange={(next: T) => onChange(next)} className={cx(s.root)}>
      <Base.List className={cx(s.list)} aria-label={label}>
        {tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value} className={cx(s.tab)}>
            {tab.label}
            {tab.count !== undefined && ` ${count(tab.count)}`}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className={cx(s.panel)}>
          {tab.value === value && children}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
