import { Link } from "@tanstack/react-router";
import type { TimelineEntry } from "../../ipc/gen/TimelineEntry";
import type { TimelineWhat } from "../../ipc/gen/TimelineWhat";
import { useRpcInfinite } from "../../ipc/hooks";
import type { Tone } from "../../lib/outcome";
import { Button } from "../../parts/Button";
import { Changes } from "../../parts/Changes";
import { Dot } from "../../parts/Dot";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import styles from "./Timeline.module.css";

const TONE: Record<TimelineWhat, Tone> = {
  created: "green",
  updated: "green",
  removed: "red",
  stale: "grey",
  unchanged: "grey",
};

/** Everything that changed a contact, newest first. */
export function Timeline({ contactId }: { contactId: number }) {
  const entries = useRpcInfinite("contacts", "timeline", { id: contactId }, { every: 1000 });
  if (entries.error && entries.rows.length === 0) {
    return <ErrorNote error={entries.error} retry={() => entries.refetch()} />;
  }
  if (entries.isPending) return <Skeleton lines={5} />;
  if (entries.rows.length === 0) {
    return <Empty title="Nothing yet">Changes to this contact are listed here.</Empty>;
  }
  return (
    <>
      <ol className={styles.list}>
        {entries.rows.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ol>
      {entries.hasMore ? (
        <Button size="sm" variant="quiet" busy={entries.loadingMore} onClick={entries.more}>
          Older
        </Button>
      ) : null}
    </>
  );
}

function Entry({ entry }: { entry: TimelineEntry }) {
  return (
    <li className={styles.entry}>
      <Dot tone={TONE[entry.what]} />
      <div className={styles.text}>
        <strong>{entry.title}</strong>
        {entry.messageId === null ? null : (
          <>
            {entry.what === "stale" || entry.what === "unchanged" ? ": " : " by "}
            <Link to="/messages" search={{ id: entry.messageId }}>
              {entry.messageType || "a message"}
            </Link>
          </>
        )}
        {entry.changes.length > 0 ? <Changes changes={entry.changes} /> : null}
        {entry.note ? <p>{entry.note}</p> : null}
      </div>
      <span className={styles.time}>
        <Time at={entry.at} mode="clock" />
      </span>
    </li>
  );
}
