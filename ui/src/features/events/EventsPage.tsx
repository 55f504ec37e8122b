import { Link } from "@tanstack/react-router";
import { useEnvironment } from "../../ipc/environment";
import type { EventRow } from "../../ipc/gen/EventRow";
import { useRpc, useRpcInfinite } from "../../ipc/hooks";
import { openTest } from "../../lib/bus";
import { useHotkey } from "../../lib/keys";
import { count } from "../../lib/number";
import { useSearchParam } from "../../lib/search";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconEvents } from "../../parts/icons";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { SplitPane } from "../../parts/SplitPane";
import { Time } from "../../parts/Time";
import { VirtualList } from "../../parts/VirtualList";
import styles from "./EventsPage.module.css";

/** Every event received, by name, and when it happened to whom. */
export function EventsPage() {
  const { id: environmentId } = useEnvironment();
  const events = useRpc(
    "events",
    "list",
    { environmentId },
    { keep: true, every: 1000, enabled: environmentId !== 0 },
  );
  const [name, setName] = useSearchParam("name");
  useHotkey("esc", () => setName(undefined), { enabled: name !== undefined });
  const rows = events.data;
  const selected = rows?.find((row) => row.name === name);
  return (
    <>
      <PageHeader
        title="Events"
        note={rows && rows.length > 0 ? plural(rows.length, "name") : undefined}
      />
      {events.error && !rows ? (
        <div className={styles.note}>
          <ErrorNote error={events.error} retry={() => events.refetch()} />
        </div>
      ) : !rows ? (
        <div className={styles.note}>
          <Skeleton lines={6} />
        </div>
      ) : rows.length === 0 ? (
        <Empty
          title="No events yet"
          icon={<IconEvents />}
          actions={<Button onClick={() => openTest()}>Send test event</Button>}
        >
          Each message that changes the audience also becomes an event on its contact, such as
          clerk.user.created.
        </Empty>
      ) : (
        <SplitPane
          list={
            <VirtualList
              label="Events by name"
              rows={rows}
              rowHeight={62}
              rowKey={(row) => row.name}
              selectedKey={name ?? null}
              onSelect={(row) => setName(row.name)}
              renderRow={(row) => <Row row={row} />}
            />
          }
          detail={
            name === undefined ? (
              <Empty title="No event selected">
                Choose a name to see each time it was received, and whom it was about.
              </Empty>
            ) : (
              <Occurrences
                key={`${environmentId} ${name}`}
                environmentId={environmentId}
                name={name}
                event={selected}
              />
            )
          }
          showDetail={name !== undefined}
          onBack={() => setName(undefined)}
          backLabel="Events"
          listWidth="42%"
          listMin={320}
          storageKey="events"
        />
      )}
    </>
  );
}

function Row({ row }: { row: EventRow }) {
  return (
    <div className={styles.row}>
      <code className={styles.name}>{row.name}</code>
      <span className={styles.count}>{count(row.count)}</span>
      <span className={styles.recent}>
        {row.recent.map((one) => one.label).join(", ") || "no contact"}
      </span>
      <span className={styles.last}>
        <Time at={row.lastAt} />
      </span>
    </div>
  );
}

function Occurrences(props: { environmentId: number; name: string; event: EventRow | undefined }) {
  const { environmentId, name, event } = props;
  const found = useRpcInfinite(
    "events",
    "occurrences",
    { environmentId, name },
    { keep: true, every: 1000, enabled: environmentId !== 0 },
  );
  return (
    <article className={styles.pane} aria-label={name}>
      <header className={styles.top}>
        <h2>{name}</h2>
        <CopyButton text={name} what="Copy event name" size="sm" iconOnly />
      </header>
      {event ? (
        <p className={styles.since}>
          {plural(event.count, "time")} since <Time at={event.firstAt} mode="clock" />, last{" "}
          <Time at={event.lastAt} mode="clock" />
        </p>
      ) : null}
      {found.error && found.rows.length === 0 ? (
        <ErrorNote error={found.error} retry={() => found.refetch()} />
      ) : found.isPending ? (
        <Skeleton lines={6} />
      ) : found.rows.length === 0 ? (
        <Empty title="Not received here">
          This environment has no event of that name. It appears once a message records it.
        </Empty>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Contact</th>
              <th scope="col">Message</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {found.rows.map((one) => (
              <tr key={one.id}>
                <td>
                  {one.contactId === null ? (
                    <span title="This contact is gone">{one.label} (gone)</span>
                  ) : (
                    <Link to="/audience" search={{ id: one.contactId }}>
                      {one.label}
                    </Link>
                  )}
                </td>
                <td>
                  <Link to="/messages" search={{ id: one.messageId }}>
                    {one.messageType}
                  </Link>
                </td>
                <td>
                  <Time at={one.at} mode="clock" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found.hasMore ? (
        <Button
          size="sm"
          variant="quiet"
          busy={found.loadingMore}
          onClick={found.more}
          className={styles.older}
        >
          Older
        </Button>
      ) : null}
    </article>
  );
}
