import type { FieldChange } from "../ipc/gen/FieldChange";
import { fieldLabel } from "../lib/words";
import s from "./Changes.module.css";

export interface ChangesProps {
  changes: readonly FieldChange[];
  /** The thing is new, so that every field was empty and nothing needs to say so. */
  created?: boolean | undefined;
}

/** Field by field, from what to what. */
export function Changes({ changes, created }: ChangesProps) {
  return (
    <dl className={s.list}>
      {changes.map((change) => (
        <div key={change.field} className={s.row}>
          <dt className={s.field}>{fieldLabel(change.field)}</dt>
          <dd className={s.values}>
            {!(created && change.from === null) && <From value={change.from} />}
            {change.to === null ? (
              <span className={s.none}>empty</span>
            ) : (
              <ins className={s.to}>{change.to}</ins>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function From({ value }: { value: string | null }) {
  return (
    <>
      {value === null ? (
        <span className={s.none}>empty</span>
      ) : (
        <del className={s.from}>{value}</del>
      )}
      <span className={s.arrow}>
        <span aria-hidden="true">→</span>
        <span className="visually-hidden">became</span>
      </span>
    </>
  );
}
