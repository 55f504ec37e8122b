import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import type { SampleRow } from "../../ipc/gen/SampleRow";
import { plural } from "../../lib/words";
import { Skeleton } from "../../parts/Skeleton";
import { TextInput } from "../../parts/TextInput";
import s from "./Catalogue.module.css";
import { fitting, GROUPS } from "./words";

export interface CatalogueProps {
  /** Undefined until they are known. */
  rows: readonly SampleRow[] | undefined;
  value: string;
  onChange: (name: string) => void;
}

/** The samples there are, in groups, one of them chosen. The filter leads into the list with ↓ and chooses its first with Enter. */
export function Catalogue({ rows, value, onChange }: CatalogueProps) {
  const name = useId();
  const [filter, setFilter] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const shown = fitting(rows ?? [], filter);
  const groups = GROUPS.map((one) => ({
    ...one,
    rows: shown.filter((row) => row.group === one.group),
  })).filter((one) => one.rows.length > 0);

  const there = rows?.some((row) => row.name === value) ?? false;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once it is another one, or has come into the list
  useEffect(() => {
    const chosen = list.current?.querySelector("input:checked")?.closest("label");
    chosen?.scrollIntoView({ block: "nearest" });
  }, [value, there]);

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Escape" && filter !== "") {
      event.preventDefault();
      event.stopPropagation();
      setFilter("");
    }
    if (event.key === "ArrowDown") {
      event.preventDefault();
      const first =
        list.current?.querySelector<HTMLElement>("input:checked") ??
        list.current?.querySelector<HTMLElement>("input");
      first?.focus();
    }
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      const first = groups[0]?.rows[0];
      if (first !== undefined && filter.trim() !== "") onChange(first.name);
    }
  }

  return (
    <fieldset className={s.catalogue}>
      <legend className="visually-hidden">Event</legend>
      <TextInput
        aria-label="Filter the catalogue"
        placeholder="Filter"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p className="visually-hidden" role="status">
        {filter === "" ? "" : plural(shown.length, "sample")}
      </p>
      <div ref={list} className={s.scroll}>
        {groups.map((one) => (
          <fieldset key={one.group} className={s.group}>
            <legend className={s.title}>{one.title}</legend>
            {one.rows.map((row) => (
              <label key={row.name} className={s.entry}>
                <input
                  type="radio"
                  name={name}
                  className={s.radio}
                  checked={row.name === value}
                  onChange={() => onChange(row.name)}
                />
                <span className={s.type}>{row.type}</span>{" "}
                {row.title !== row.type && <span className={s.about}>{row.title}</span>}
              </label>
            ))}
          </fieldset>
        ))}
        {rows === undefined && <Skeleton lines={8} />}
        {rows !== undefined && groups.length === 0 && (
          <p className={s.none}>Nothing fits “{filter.trim()}”.</p>
        )}
      </div>
    </fieldset>
  );
}
