import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useRef, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import { useRpc } from "../../ipc/hooks";
import { cx } from "../../lib/cx";
import { focusScreen } from "../../lib/focus";
import { useCommand } from "../../lib/keymap";
import { useHotkey } from "../../lib/keys";
import { useSearchParam } from "../../lib/search";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { Skeleton } from "../../parts/Skeleton";
import { SplitPane } from "../../parts/SplitPane";
import { VirtualList, type VirtualListHandle } from "../../parts/VirtualList";
import { type Actions, useActions } from "./actions";
import { useAsks } from "./asks";
import { FirstRun, NothingYet } from "./FirstRun";
import { type Feed, NEW_MOST, useFeed } from "./feed";
import { LiveBadge } from "./LiveBadge";
import { MessagesHeader } from "./MessagesHeader";
import s from "./MessagesPage.module.css";
import { ROW_HEIGHT, Row } from "./Row";

const Detail = lazy(async () => ({ default: (await import("./Detail")).Detail }));
const SelectionBar = lazy(async () => ({ default: (await import("./Bars")).SelectionBar }));
const FoundBar = lazy(async () => ({ default: (await import("./Bars")).FoundBar }));
const CompareDialog = lazy(async () => ({
  default: (await import("./CompareDialog")).CompareDialog,
}));
const ReplayDialog = lazy(async () => ({ default: (await import("./ReplayDialog")).ReplayDialog }));
const KeepDialog = lazy(async () => ({
  default: (await import("../../parts/SaveFixture")).KeepDialog,
}));
const EditDialog = lazy(async () => ({ default: (await import("./EditDialog")).EditDialog }));

type Keys = ReadonlySet<string | number>;
const NONE: Keys = new Set();

/** The live list, its search, and the message that is read. */
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
  const drawn = useDeferredValue(detail.data) ?? detail.data;
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

  const [picked, setPicked] = useState<Keys>(NONE);
  const actions = useActions((ids) => {
    setPicked(NONE);
    if (selected !== undefined && ids.includes(selected)) close();
    list.current?.focus();
  });
  const { over, asks, close: closeOver } = useAsks(actions);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list, nothing picked in it yet.
  useEffect(() => setPicked(NONE), [environmentId, query]);
  const several = picked.size > 0;
  useHotkey("esc", () => setPicked(NONE), { enabled: several });

  const ids = several ? [...picked].map(Number) : shown === undefined ? [] : [shown.id];
  const pinned = several
    ? feed.rows.every((row) => row.pinned || !picked.has(row.id))
    : shown?.pinned === true;
  const replayChosen = () => {
    if (several) asks.replay(feed.rows.filter((row) => picked.has(row.id)));
    else if (shown) asks.replay([shown]);
  };
  const replayNow = () => {
    if (several && !actions.replaying) actions.replay({ ids });
    else if (!several && shown) asks.replayAtOnce(shown);
  };
  const some = { enabled: ids.length > 0 };
  useCommand("message.replay", replayNow, some);
  useCommand("message.replayTo", replayChosen, some);
  useCommand("message.pin", () => actions.pin({ ids }, !pinned), some);
  useCommand("message.copy", () => void actions.copy({ ids }, several ? "har" : "curl"), some);
  useCommand(
    "message.compare",
    () => {
      const [first, second] = ids;
      if (first !== undefined && second !== undefined) asks.compare([first, second]);
      else if (first !== undefined) void asks.comparePrevious(first);
    },
    { enabled: ids.length === 1 || ids.length === 2 },
  );

  const follow = () => {
    feed.follow();
    list.current?.scrollToTop();
    list.current?.focus();
  };

  const empty =
    !feed.isPending && feed.error === null && feed.rows.length === 0 && query === undefined;

  return (
    <>
      <MessagesHeader
        query={query}
        onQuery={setQuery}
        refused={feed.error?.code === "invalid" ? feed.error.message : undefined}
      >
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
              environmentId={environmentId}
              query={query}
              picked={picked}
              pinned={pinned}
              onPick={setPicked}
              actions={actions}
              onReplay={replayChosen}
              onCompare={asks.compare}
              selected={selected}
              onSelect={select}
              onOpen={() => pane.current?.focus()}
              onFollow={follow}
              onClear={() => {
                setQuery(undefined);
                focusScreen();
              }}
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
              ) : drawn === undefined ? (
                <Skeleton lines={6} />
              ) : (
                <Suspense fallback={<Skeleton lines={6} />}>
                  <Detail message={drawn} actions={actions} asks={asks} />
                </Suspense>
              )}
            </section>
          }
        />
      )}
      <Suspense fallback={null}>
        {over?.what === "edit" && <EditDialog message={over.message} onClose={closeOver} />}
        {over?.what === "keep" && <KeepDialog message={over.message} onClose={closeOver} />}
        {over?.what === "replay" && (
          <ReplayDialog
            which={{ ids: over.rows.map((row) => row.id) }}
            words={over.rows.length === 1 ? "this message" : plural(over.rows.length, "message")}
            one={over.rows.length === 1}
            refused={refusedAmong(over.rows)}
            endpointIds={over.rows.map((row) => row.endpointId)}
            onClose={closeOver}
          />
        )}
        {over?.what === "compare" && <CompareDialog ids={over.ids} onClose={closeOver} />}
      </Suspense>
    </>
  );
}

function refusedAmong(rows: readonly MessageRow[]) {
  if (!rows.some((row) => row.outcome === "refused")) return "no";
  return rows.length === 1 ? "yes" : "perhaps";
}

interface ListProps {
  feed: Feed;
  environmentId: number;
  picked: Keys;
  pinned: boolean;
  onPick: (keys: Keys) => void;
  actions: Actions;
  onReplay: () => void;
  onCompare: (ids: readonly [number, number]) => void;
  query: string | undefined;
  selected: number | undefined;
  onSelect: (row: MessageRow) => void;
  onOpen: () => void;
  onFollow: () => void;
  onClear: () => void;
  apiRef: React.Ref<VirtualListHandle>;
}

function List(props: ListProps) {
  const { feed, environmentId, query, picked, selected, onFollow, onClear } = props;
  const top = useRef(0);
  const onMove = (next: number) => {
    const was = top.current;
    top.current = next;
    if (next > 8) feed.hold();
    else if (next <= 0 && was > 0) feed.follow();
  };
  const refused = feed.error?.code === "invalid";
  if (feed.error !== null && feed.rows.length === 0) {
    return refused ? (
      <Empty title="This search cannot be carried out">
        <p>What is wrong with it stands above. The messages are back as soon as it is put right.</p>
      </Empty>
    ) : (
      <div className={s.note}>
        <ErrorNote error={feed.error} retry={feed.refetch} />
      </div>
    );
  }
  if (feed.isPending) return <Skeleton lines={8} />;
  const empty = feed.rows.length === 0;
  return (
    <>
      <Suspense fallback={<div className={s.bar} />}>
        {picked.size > 0 ? (
          <SelectionBar
            ids={[...picked].map(Number)}
            pinned={props.pinned}
            actions={props.actions}
            onReplay={props.onReplay}
            onCompare={props.onCompare}
            onClear={() => props.onPick(NONE)}
          />
        ) : query !== undefined && !refused && !empty ? (
          <FoundBar environmentId={environmentId} query={query} />
        ) : null}
      </Suspense>
      {feed.fresh > 0 && (
        <button
          type="button"
          className={cx(s.pill, (picked.size > 0 || query !== undefined) && s.below)}
          onClick={onFollow}
        >
          {feed.fresh >= NEW_MOST ? "99+" : feed.fresh} new
          <span aria-hidden="true">↑</span>
        </button>
      )}
      {empty && feed.searching ? (
        <p className={s.end} role="status">
          Searching further back…
        </p>
      ) : empty ? (
        <Empty title="Nothing found" actions={<Button onClick={onClear}>Clear the search</Button>}>
          <p>
            No message here matches “{query}”. Words look into type, email, ids, headers and body;
            fields such as <code>type:user.*</code>, <code>status:refused</code> or{" "}
            <code>after:today</code> narrow.
          </p>
        </Empty>
      ) : (
        <VirtualList
          // Another search begins at its top: a place far down in the list of before has no rows here.
          key={`${environmentId} ${query ?? ""}`}
          apiRef={props.apiRef}
          label="Messages, newest first"
          rows={feed.rows}
          rowHeight={ROW_HEIGHT}
          rowKey={rowKey}
          renderRow={renderRow}
          selectedKey={selected}
          onSelect={props.onSelect}
          onOpen={props.onOpen}
          picked={picked}
          onPick={props.onPick}
          onMove={onMove}
          onEndReached={feed.more}
          className={cx(feed.stale && s.stale)}
          footer={footerOf(feed)}
        />
      )}
    </>
  );
}

function footerOf(feed: Feed) {
  const words = feed.capped
    ? "Older messages are not drawn here. Search to find them."
    : feed.searching
      ? "Searching further back…"
      : feed.loadingMore
        ? "Loading older messages…"
        : undefined;
  return words === undefined ? undefined : (
    <p className={s.end} role="status">
      {words}
    </p>
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
