import { type Ref, useRef } from "react";
import type { ContactRow } from "../../ipc/gen/ContactRow";
import type { ContactSort } from "../../ipc/gen/ContactSort";
import { Badge, Tag } from "../../parts/Badge";
import { Checkbox } from "../../parts/Checkbox";
import { Time } from "../../parts/Time";
import { Cell, HeadCell, VirtualList, type VirtualListHandle } from "../../parts/VirtualList";
import styles from "./ContactTable.module.css";
import { ariaSort, type Order } from "./sort";
import { called, fullName } from "./words";

const COLUMNS = "38px minmax(0, 5fr) minmax(0, 2fr) minmax(128px, 2fr) 104px";

/** The table of contacts; rows load as it scrolls. */
export function ContactTable(props: {
  rows: ContactRow[];
  order: Order;
  onSort: (sort: ContactSort) => void;
  selected: number | null;
  onSelect: (id: number) => void;
  onOpen: () => void;
  apiRef: Ref<VirtualListHandle>;
  picked: ReadonlySet<number>;
  onPick: (id: number, reach: boolean) => void;
  onPickAll: () => void;
  more: () => void;
  loadingMore: boolean;
}) {
  const { rows, order, onSort, picked } = props;
  const reach = useRef(false);
  const some = rows.some((row) => picked.has(row.id));
  const every = some && rows.every((row) => picked.has(row.id));
  return (
    <VirtualList
      role="grid"
      label="Contacts"
      columns={COLUMNS}
      rows={rows}
      rowHeight={56}
      headerHeight={38}
      rowKey={(row) => row.id}
      selectedKey={props.selected}
      onSelect={(row) => props.onSelect(row.id)}
      onOpen={props.onOpen}
      apiRef={props.apiRef}
      onEndReached={props.more}
      header={
        <>
          <HeadCell>
            <span className={styles.check}>
              <Checkbox
                checked={every}
                indeterminate={some && !every}
                onChange={props.onPickAll}
                label="Select all loaded contacts"
                hideLabel
              />
            </span>
          </HeadCell>
          <HeadCell sort={ariaSort(order, "name") ?? ariaSort(order, "email")}>
            <span className={styles.sorts}>
              <Sort sort="name" order={order} onSort={onSort}>
                Name
              </Sort>
              <Sort sort="email" order={order} onSort={onSort}>
                Email
              </Sort>
            </span>
          </HeadCell>
          <HeadCell sort={ariaSort(order, "group")} onSort={() => onSort("group")}>
            Group
          </HeadCell>
          <HeadCell>Email status</HeadCell>
          <HeadCell sort={ariaSort(order, "updated")} onSort={() => onSort("updated")}>
            Changed
          </HeadCell>
        </>
      }
      footer={props.loadingMore ? <div className={styles.more}>Loading more…</div> : null}
      renderRow={(row) => (
        <>
          <Cell>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: only keeps the row from taking the click. */}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the checkbox inside has the keys. */}
            <span
              className={styles.check}
              onPointerDownCapture={(event) => {
                reach.current = event.shiftKey;
              }}
              onKeyDownCapture={(event) => {
                reach.current = event.shiftKey;
              }}
              onClick={(event) => event.stopPropagation()}
            >
              <Checkbox
                checked={picked.has(row.id)}
                onChange={() => props.onPick(row.id, reach.current)}
                label={`Select ${called(row)}`}
                hideLabel
              />
            </span>
          </Cell>
          <Cell>
            <span className={styles.name}>{called(row)}</span>
            {fullName(row) ? <span className={styles.email}>{row.email}</span> : null}
          </Cell>
          <Cell>{row.userGroup ? <Tag>{row.userGroup}</Tag> : null}</Cell>
          <Cell>
            <Status subscribed={row.subscribed} />
          </Cell>
          <Cell>
            <span className={styles.time}>
              <Time at={row.updatedAt} />
            </span>
          </Cell>
        </>
      )}
    />
  );
}

function Status({ subscribed }: { subscribed: boolean }) {
  return subscribed ? (
    <Badge tone="green">Subscribed</Badge>
  ) : (
    <Badge tone="grey">Unsubscribed</Badge>
  );
}

function Sort(props: {
  sort: ContactSort;
  order: Order;
  onSort: (sort: ContactSort) => void;
  children: string;
}) {
  const direction = ariaSort(props.order, props.sort);
  return (
    <button
      type="button"
      className={styles.sort}
      data-on={direction !== undefined || undefined}
      onClick={() => props.onSort(props.sort)}
      title={`Sort by ${props.children.toLowerCase()}`}
    >
      {props.children}
      <span aria-hidden="true">
        {direction === undefined ? "" : direction === "ascending" ? " ↑" : " ↓"}
      </span>
    </button>
  );
}
