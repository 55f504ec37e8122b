import { Fragment } from "react";
import { keymap } from "../lib/keymap";
import { Dialog } from "../parts/Dialog";
import { Kbd } from "../parts/Kbd";
import s from "./Shortcuts.module.css";

const rows = Object.values(keymap);
const groups = [...new Set(rows.map((row) => row.group))];

/** Every key there is. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title="Shortcuts" width={520}>
      {groups.map((group) => (
        <section key={group}>
          <h3 className={s.group}>{group}</h3>
          <dl className={s.list}>
            {rows
              .filter((row) => row.group === group)
              .map((row) => (
                <Fragment key={row.label}>
                  <dt>{row.label}</dt>
                  <dd className={s.keys}>
                    {row.keys.map((keys) => (
                      <Kbd key={keys} keys={keys} />
                    ))}
                  </dd>
                </Fragment>
              ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
