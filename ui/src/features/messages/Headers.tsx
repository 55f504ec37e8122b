import type { Header } from "../../ipc/gen/Header";
import { CopyButton } from "../../parts/CopyButton";
import s from "./Headers.module.css";

/** The headers as they came. */
export function Headers({ headers }: { headers: readonly Header[] }) {
  if (headers.length === 0) return <p className={s.none}>It came without headers.</p>;
  return (
    <div className={s.frame}>
      <table className={s.table}>
        <thead className="visually-hidden">
          <tr>
            <th>Name</th>
            <th>Value</th>
            <th>Copy</th>
          </tr>
        </thead>
        <tbody>
          {headers.map((header, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a header may come twice, and the list never changes
            <tr key={at}>
              <th scope="row">{header.name}</th>
              <td>{header.value}</td>
              <td className={s.copy}>
                <CopyButton iconOnly text={header.value} what={`Copy ${header.name}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
