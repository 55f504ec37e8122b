import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import { useRpc } from "../../ipc/hooks";
import { useCommand } from "../../lib/keymap";
import { useSearchParam } from "../../lib/search";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { Skeleton } from "../../parts/Skeleton";
import { SplitPane } from "../../parts/SplitPane";
import { VirtualList, type VirtualListHandle } from "../../parts/VirtualList";
import { FirstRun, NothingYet } from "./FirstRun";
import { type Feed, NEW_MOST, useFeed } from "./feed";
import { LiveBadge } from "./LiveBadge";
import { MessagesHeader } from "./MessagesHeader";
import s from "./MessagesPage.module.css";
import { ROW_HEIGHT, Row } from "./Row";

const Detail = lazy(async () => ({ default: (await import("./Detail")).Detail }));

export function MessagesPage() {
  const { id: environmentId } = useEnvironment();
  const navigate = useNavigate();
  const [query, setQuery] = useSearchParam("q");
  const [idText, setId] = useSearchParam("id");
  const selected = idText === undefined ? undefined : Number(idText);
  const list = useRef<VirtualListHandle>(null);
  const pane = useRef<HTMLDivElement>(null);
  const visible = useVisibleRows();

  const detail = useRpc(
    "messages",
    "show",
    { id: selected ?? 0 },
    { enabled: selected !== undefined, keep: true, every: 1000 },
  );
  const shown = detail.data !== undefined && detail.data.id === selected ? detail.data : undefined;
  const feed = useFeed(environmentId, query, shown ?? selected, visible);
  const endpoints = useRpc("endpoints", "list", {}, { every: 1000, also: ["messages"] });
  const here = endpoints.data?.filter((endpoint) => endpoint.environmentId === environmentId);

  const select = useCallback(
    (row: MessageRow) =>
      void navigate({
        to: ".",
        search: (old: Record<string, unknown>) => ({ ...old, id: row.id }) as never,
        replace: true,
      }),
    [navigate],
  );
  const close = useCallback(() => {
    setId(undefined);
    list.current?.focus();
  }, [setId]);
  useCommand("back", close, { enabled: selected !== undefined });

  const follow = () => {
    feed.follow();
    list.current?.scrollToTop();
  };

  const empty =
    !feed.isPending && feed.error === null && feed.rows.length === 0 && query === undefined;

  return (
    <>
      <MessagesHeader query={query} onQuery={setQuery}>
        <LiveBadge following={feed.following} onFollow={follow} />
      </MessagesHeader>
      {empty && here !== undefined && selected === undefined ? (
        here.length === 0 ? (
          <FirstRun />
        ) : (
          <NothingYet endpoint={here[0]} />
        )
      ) : (
        <SplitPane
          storageKey="messages"
          showDetail={selected !== undefined}
          onBack={close}
          backLabel="All messages"
          listMin={270}
          list={
            <List
              feed={feed}
              query={query}
              selected={selected}
              onSelect={select}
              onOpen={() => pane.current?.focus()}
              onFollow={follow}
              onClear={() => setQuery(undefined)}
              apiRef={list}
            />
          }
          detail={
            <section ref={pane} className={s.pane} tabIndex={-1} aria-label="Message">
              {selected === undefined ? (
                <Empty title="No message selected">
                  <p>Choose one from the list to see its way through Usher, step by step.</p>
                </Empty>
              ) : detail.error !== null ? (
                <div className={s.note}>
                  <ErrorNote error={detail.error} retry={() => void detail.refetch()} />
                </div>
              ) : detail.data === undefined ? (
                <Skeleton lines={6} />
              ) : (
                <Suspense fallback={<Skeleton lines={6} />}>
                  <Detail message={detail.data} />
                </Suspense>
              )}
            </section>
          }
        />
      )}
    </>
  );
}

interface ListProps {
  feed: Feed;
  query: string | undefined;
  selected: number | undefined;
  onSelect: (row: MessageRow) => void;
  onOpen: () => void;
  onFollow: () => void;
  onClear: () => void;
  apiRef: React.Ref<VirtualListHandle>;
}

function List({ feed, query, selected, onSelect, onOpen, onFollow, onClear, apiRef }: ListProps) {
  const top = useRef(0);
  const onMove = (next: number) => {
    const was = top.current;
    top.current = next;
    if (next > 8) feed.hold();
    else if (next <= 0 && was > 0) feed.follow();
  };
  if (feed.error !== null && feed.rows.length === 0) {
    return (
      <div className={s.note}>
        <ErrorNote error={feed.error} retry={feed.refetch} />
      </div>
    );
  }
  if (feed.isPending) return <Skeleton lines={8} />;
  if (feed.rows.length === 0) {
    return (
      <Empty title="Nothing found" actions={<Button onClick={onClear}>Clear the search</Button>}>
        <p>No message here matches “{query}”. Type, email, ids and outcomes are searched.</p>
      </Empty>
    );
  }
  return (
    <>
      {feed.fresh > 0 && (
        <button type="button" className={s.pill} onClick={onFollow}>
          {feed.fresh >= NEW_MOST ? "99+" : feed.fresh} new
          <span aria-hidden="true">↑</span>
        </button>
      )}
      <VirtualList
        apiRef={apiRef}
        label="Messages, newest first"
        rows={feed.rows}
        rowHeight={ROW_HEIGHT}
        rowKey={rowKey}
        renderRow={renderRow}
        selectedKey={selected}
        onSelect={onSelect}
        onOpen={onOpen}
        onMove={onMove}
        onEndReached={feed.following ? undefined : feed.more}
        footer={
          feed.capped ? (
            <p className={s.end}>Older messages are not drawn here. Search to find them.</p>
          ) : feed.loadingMore ? (
            <p className={s.end}>Loading older messages…</p>
          ) : undefined
        }
      />
    </>
  );
}

const rowKey = (row: MessageRow) => row.id;
const renderRow = (row: MessageRow, { selected }: { selected: boolean }) => (
  <Row row={row} selected={selected} />
);

function useVisibleRows(): number {
  const [rows, setRows] = useState(count);
  useEffect(() => {
    const measure = () => setRows(count());
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, []);
  return rows;
}

function count(): number {
  return Math.max(3, Math.floor((window.innerHeight - 60) / ROW_HEIGHT) - 1);
}
