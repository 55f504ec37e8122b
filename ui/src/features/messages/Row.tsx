import type { MessageRow } from "../../ipc/gen/MessageRow";
import { cx } from "../../lib/cx";
import { Badge } from "../../parts/Badge";
import { IconPin } from "../../parts/icons";
import { OutcomeBadge } from "../../parts/OutcomeBadge";
import { Time } from "../../parts/Time";
import s from "./Row.module.css";

/** Height of a row in px. */
export const ROW_HEIGHT = 57;

/** One message in two lines: what it is and what became of it, about whom and when. */
export function Row({ row, selected }: { row: MessageRow; selected: boolean }) {
  return (
    <div className={cx(s.row, selected && s.selected)}>
      <div className={s.line}>
        <span className={s.type}>
          {row.type || "No readable type"}
          {row.test && <span className={s.test}>test</span>}
        </span>
        {row.forward === "waiting" && (
          <Badge tone="amber">
            Retry<span className="visually-hidden"> of a forward</span>
          </Badge>
        )}
        {row.forward === "failed" && <Badge tone="red">Not forwarded</Badge>}
        <OutcomeBadge outcome={row.outcome} reason={row.reason} />
      </div>
      <div className={s.line}>
        <span className={s.subject}>{row.subject ?? "—"}</span>
        <span className={s.time}>
          {row.pinned && (
            <span className={s.pin} title="Pinned">
              <IconPin size={12} />
              <span className="visually-hidden">Pinned</span>
            </span>
          )}
          {row.duplicates > 0 && (
            <span title="Delivered more than once">{`×${row.duplicates + 1}  `}</span>
          )}
          <Time at={row.receivedAt} mode="clock" />
        </span>
      </div>
    </div>
  );
}
