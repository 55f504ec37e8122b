import { Menu as Base } from "@base-ui/react/menu";
import { Fragment, type ReactElement, type ReactNode } from "react";
import { cx } from "../lib/cx";
import { Dot } from "./Dot";
import f from "./floating.module.css";
import { IconCheck } from "./icons";
import { Kbd } from "./Kbd";
import s from "./Menu.module.css";

export type MenuItem =
  | {
      label: string;
      onSelect: () => void;
      icon?: ReactNode;
      tone?: "danger" | undefined;
      disabled?: boolean | undefined;
      kbd?: string | undefined;
      checked?: boolean | undefined;
      /** Colour of a dot before the label. */
      dot?: string | undefined;
      hint?: string | undefined;
    }
  | { separator: true }
  | { heading: string };

export interface MenuProps {
  trigger: ReactElement;
  items: readonly MenuItem[];
  label: string;
  align?: "start" | "end" | undefined;
  /** It is there because it was asked for: show it at once. */
  defaultOpen?: boolean | undefined;
}

export function Menu({ trigger, items, label, align = "end", defaultOpen = false }: MenuProps) {
  return (
    <Base.Root defaultOpen={defaultOpen}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={cx(f.positioner)} sideOffset={4} align={align}>
          <Base.Popup className={cx(f.surface, s.popup)} aria-label={label}>
            {items.map((item, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: separators have no other name, and the list is rebuilt as a whole
              <Fragment key={at}>{draw(item)}</Fragment>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

function draw(item: MenuItem): ReactNode {
  if ("separator" in item) return <Base.Separator className={cx(s.separator)} />;
  if ("heading" in item) return <div className={s.heading}>{item.heading}</div>;
  return (
    <Base.Item
      className={cx(f.item, item.tone === "danger" && s.danger)}
      onClick={item.onSelect}
      disabled={item.disabled ?? false}
    >
      {(item.icon !== undefined || item.dot !== undefined) && (
        <span className={s.leading}>
          {item.icon}
          {item.dot !== undefined && <Dot color={item.dot} />}
        </span>
      )}
      <span className={f.label}>
        {item.label}
        {item.hint !== undefined && <span className={f.hint}>{item.hint}</span>}
      </span>
      {item.kbd !== undefined && <Kbd keys={item.kbd} />}
      {item.checked === true && (
        <span className={f.tick}>
          <IconCheck size={14} />
          <span className="visually-hidden">chosen</span>
        </span>
      )}
    </Base.Item>
  );
}
