import { useEffect, useRef, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import { useRpc, useRpcInfinite } from "../../ipc/hooks";
import { openTest } from "../../lib/bus";
import { useCommand } from "../../lib/keymap";
import { useHotkey } from "../../lib/keys";
import { count } from "../../lib/number";
import { useSearchParam } from "../../lib/search";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconAudience } from "../../parts/icons";
import { PageHeader } from "../../parts/PageHeader";
import { SearchBox } from "../../parts/SearchBox";
import { Skeleton } from "../../parts/Skeleton";
import { SplitPane } from "../../parts/SplitPane";
import type { VirtualListHandle } from "../../parts/VirtualList";
import { AddContactDialog } from "./AddContactDialog";
import styles from "./AudiencePage.module.css";
import { ContactPane } from "./ContactPane";
import { ContactTable } from "./ContactTable";
import { extend, NONE, toggle, toggleAll } from "./picked";
import { useRemoveContacts } from "./remove";
import { nextOrder, orderInWords, readOrder, writeOrder } from "./sort";

/** Everybody in the environment: a table, and one contact beside it. */
export function AudiencePage() {
  const { id: environmentId } = useEnvironment();
  const [query = "", setQuery] = useSearchParam("q");
  const [idText, setId] = useSearchParam("id");
  const [sortText, setSort] = useSearchParam("sort");
  const [picked, setPicked] = useState(NONE);
  const [adding, setAdding] = useState(false);
  const remove = useRemoveContacts();
  const table = useRef<VirtualListHandle>(null);
  const pane = useRef<HTMLDivElement>(null);

  const order = readOrder(sortText);
  const scope = { environmentId, ...(query ? { query } : {}) };
  const fresh = { keep: true, every: 1000, enabled: environmentId !== 0 };
  const contacts = useRpcInfinite(
    "contacts",
    "list",
    { ...scope, sort: order.sort, reverse: order.reverse },
    fresh,
  );
  const found = useRpc("contacts", "count", scope, fresh);
  const all = useRpc("contacts", "count", { environmentId }, fresh);

  const rows = contacts.rows;
  const ids = rows.map((row) => row.id);
  const selected = idText === undefined ? null : Number(idText);
  const total = all.data?.count;
  const nobody = total === 0 && rows.length === 0 && !contacts.isPending;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another list, nothing picked in it yet.
  useEffect(() => setPicked(NONE), [environmentId, query]);

  const pick = (id: number, reach: boolean) =>
    setPicked((now) => (reach ? extend(now, id, ids) : toggle(now, id)));
  useCommand("list.pick", () => selected !== null && pick(selected, false));
  useCommand("list.reach", () => selected !== null && pick(selected, true));
  const close = () => {
    setId(undefined);
    table.current?.focus();
  };
  useHotkey("esc", () => (picked.ids.size > 0 ? setPicked(NONE) : close()), {
    enabled: picked.ids.size > 0 || selected !== null,
  });

  async function removePicked() {
    const gone = [...picked.ids];
    try {
      await remove.run(gone);
    } catch {
      return;
    }
    setPicked(NONE);
    if (selected !== null && gone.includes(selected)) setId(undefined);
  }

  const list = (
    <div className={styles.list}>
      {picked.ids.size > 0 ? (
        <div className={styles.bar}>
          <span role="status">{count(picked.ids.size)} selected</span>
          <Button size="sm" variant="danger" busy={remove.isPending} onClick={removePicked}>
            Remove
          </Button>
          <Button size="sm" variant="quiet" kbd="esc" onClick={() => setPicked(NONE)}>
            Clear
          </Button>
        </div>
      ) : (
        <div className={styles.bar}>
          <span role="status">{countLine(found.data?.count, total, query !== "")}</span>
          <span className={styles.order}>Sorted by {orderInWords(order)}</span>
        </div>
      )}
      {remove.error ? (
        <div className={styles.problem}>
          <ErrorNote error={remove.error} title="Not removed" />
        </div>
      ) : null}
      {contacts.error && rows.length === 0 ? (
        <div className={styles.problem}>
          <ErrorNote error={contacts.error} retry={() => contacts.refetch()} />
        </div>
      ) : contacts.isPending ? (
        <div className={styles.problem}>
          <Skeleton lines={8} />
        </div>
      ) : rows.length === 0 ? (
        <Empty
          title={`Nobody matches “${query}”`}
          actions={<Button onClick={() => setQuery(undefined)}>Clear search</Button>}
        >
          Searched in email, names, user ID and group.
        </Empty>
      ) : (
        <ContactTable
          rows={rows}
          order={order}
          onSort={(sort) => setSort(writeOrder(nextOrder(order, sort)))}
          selected={selected}
          onSelect={(id) => setId(String(id))}
          onOpen={() => pane.current?.focus()}
          apiRef={table}
          picked={picked.ids}
          onPick={pick}
          onPickAll={() => setPicked(toggleAll(picked, ids))}
          more={contacts.more}
          loadingMore={contacts.loadingMore}
        />
      )}
    </div>
  );

  return (
    <>
      <PageHeader
        title="Audience"
        actions={
          <Button variant="primary" onClick={() => setAdding(true)}>
            Add contact
          </Button>
        }
      >
        <SearchBox
          value={query}
          onChange={(text) => setQuery(text || undefined)}
          label="Search contacts"
          placeholder={
            total === undefined ? "Search contacts" : `Search ${plural(total, "contact")}`
          }
        />
      </PageHeader>
      {nobody ? (
        <Empty
          title="No contacts yet"
          icon={<IconAudience />}
          actions={
            <>
              <Button variant="primary" onClick={() => openTest()}>
                Send test event
              </Button>
              <Button onClick={() => setAdding(true)}>Add contact</Button>
            </>
          }
        >
          Clerk’s users and waitlist entries become contacts as their messages arrive. Send a test
          event to see one appear.
        </Empty>
      ) : (
        <SplitPane
          list={list}
          detail={
            selected === null ? (
              <Empty title="No contact selected">
                Choose one from the table to see what is known and how that came about.
              </Empty>
            ) : (
              <div ref={pane} className={styles.pane} tabIndex={-1}>
                <ContactPane key={selected} id={selected} onClose={close} />
              </div>
            )
          }
          showDetail={selected !== null}
          onBack={close}
          backLabel="Audience"
          listWidth="62%"
          listMin={420}
          singleBelow={900}
          storageKey="audience"
        />
      )}
      {adding ? (
        <AddContactDialog
          environmentId={environmentId}
          onClose={() => setAdding(false)}
          onAdded={(id) => setId(String(id))}
        />
      ) : null}
    </>
  );
}

function countLine(found: number | undefined, total: number | undefined, searching: boolean) {
  if (total === undefined || found === undefined) return "Counting…";
  return searching ? `${count(found)} of ${plural(total, "contact")}` : plural(total, "contact");
}
