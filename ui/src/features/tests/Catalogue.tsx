import { useId } from "react";
import type { SampleRow } from "../../ipc/gen/SampleRow";
import s from "./Catalogue.module.css";

export interface CatalogueProps {
  rows: readonly SampleRow[];
  value: string;
  onChange: (name: string) => void;
}

/** The samples there are, one of them chosen: the plain ones first, then the awkward ones. */
export function Catalogue({ rows, value, onChange }: CatalogueProps) {
  const name = useId();
  const plain = rows.filter((row) => row.name === row.type);
  const awkward = rows.filter((row) => row.name !== row.type);
  const draw = (row: SampleRow) => (
    <label key={row.name} className={s.entry}>
      <input
        type="radio"
        name={name}
        className={s.radio}
        checked={row.name === value}
        onChange={() => onChange(row.name)}
      />
      <span className={s.type}>{row.type}</span>
      <span className={s.title}>{row.title}</span>
    </label>
  );
  return (
    <fieldset className={s.catalogue}>
      <legend className={s.legend}>Event</legend>
      <div className={s.scroll}>
        {plain.map(draw)}
        {awkward.length > 0 && <p className={s.group}>Awkward ones</p>}
        {awkward.map(draw)}
      </div>
    </fieldset>
  );
}
