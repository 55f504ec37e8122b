import { useEffect, useMemo, useState } from "react";
import type { ApiFailure } from "../../ipc/failure";
import type { ListMessages } from "../../ipc/gen/ListMessages";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { Page } from "../../ipc/gen/Page";
import { useRpc, useRpcInfinite } from "../../ipc/hooks";
import { zone } from "../../lib/time";

/**
 * The live list. While it follows, only its first page is on the screen and only that is fetched
 * again. Once the person moves, the page they see stands still, older pages are added below it, and
 * the live page goes on beside it to count what is new. Nothing grows with the number of messages.
 *
 * A search may hand over pages that are not full. Then the list goes on below the first one it got,
 * by itself, until the screen is full; what arrives meanwhile is put on top.
 *
 * Another search, or none, is followed from its newest message: nothing of what stood still is kept.
 */
export interface Feed {
  rows: readonly MessageRow[];
  /** How many arrived since the list stood still; `NEW_MOST` means that many or more. */
  fresh: number;
  following: boolean;
  /** Stand still on what is shown. */
  hold: () => void;
  follow: () => void;
  more: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  /** More is looked for because what was found does not fill the screen. */
  searching: boolean;
  capped: boolean;
  isPending: boolean;
  /** The rows are those of another search: the last one that could be carried out. */
  stale: boolean;
  error: ApiFailure | null;
  refetch: () => void;
}

const LIVE = 100;
/** How many rows below the screen are kept ready. */
const AHEAD = 12;
const NO_ROWS: readonly MessageRow[] = [];
/** Above this the pill says "99+". */
export const NEW_MOST = 100;

interface Held {
  /** The search it belongs to. */
  scope: string;
  page: Page<MessageRow>;
}

/** The live page that was looked at last. */
interface Seen extends Held {
  /** False while it is what was remembered of an earlier look at this search. */
  settled: boolean;
}

/** The first page of a search that was not full, with all that came since. */
interface Deep extends Held {
  /** The last live page that is in it. */
  last: Page<MessageRow>;
}

function allArgs(environmentId: number, query: string | undefined): ListMessages {
  return query === undefined ? { environmentId } : { environmentId, query, zone };
}

/** What the live page asks for. */
export function liveArgs(environmentId: number, query: string | undefined): ListMessages {
  return { ...allArgs(environmentId, query), limit: LIVE };
}

/** `visible` is how many rows fit on the screen: the list stands still before the selected one is pushed out. */
export function useFeed(
  environmentId: number,
  query: string | undefined,
  selected: MessageRow | number | undefined,
  visible: number,
): Feed {
  const scope = `${environmentId} ${query ?? ""}`;
  const live = useRpc("messages", "list", liveArgs(environmentId, query), {
    enabled: environmentId !== 0,
    keep: true,
  });
  const [held, setHeld] = useState<Held | null>(null);
  const [seen, setSeen] = useState<Seen | null>(null);
  const [found, setFound] = useState<Deep | null>(null);
  const [wanted, setWanted] = useState({ scope, rows: 0 });
  const [was, setWas] = useState(scope);
  if (was !== scope) {
    setWas(scope);
    setHeld(null);
    setFound(null);
    setWanted({ scope, rows: 0 });
  }
  const selectedId = typeof selected === "object" ? selected.id : selected;

  const fresh = live.data !== undefined && !live.isPlaceholderData ? live.data : null;
  let holding = held?.scope === scope ? held : null;
  let deep = found?.scope === scope ? found : null;
  if (fresh !== null && fresh !== seen?.page) {
    const last = seen?.scope === scope ? seen : null;
    const before = last?.settled ? last.page : null;
    if (holding === null && before !== null && selectedId !== undefined) {
      const was = before.rows.findIndex((row) => row.id === selectedId);
      const is = fresh.rows.findIndex((row) => row.id === selectedId);
      const last = fresh.rows.at(-1)?.id ?? 0;
      const pushed = is >= visible || (is < 0 && fresh.next !== null && last > selectedId);
      if (was >= 0 && was < visible && pushed) {
        holding = { scope, page: deep?.page ?? before };
        setHeld(holding);
      }
    }
    setSeen({ scope, page: fresh, settled: last !== null || !live.isFetching });
  }
  if (fresh !== null && fresh !== deep?.last) {
    if (deep !== null) {
      const rows = merged(fresh.rows, deep.page.rows);
      deep = { scope, page: { rows, next: deep.page.next }, last: fresh };
      setFound(deep);
    } else if (query !== undefined && fresh.next !== null && fresh.rows.length < LIVE) {
      deep = { scope, page: fresh, last: fresh };
      setFound(deep);
    }
  }

  const stale = live.error !== null && seen !== null && seen.scope !== scope;
  const page = stale ? seen.page : (holding?.page ?? deep?.page ?? live.data);
  const below = stale ? null : (holding ?? deep);
  const start = below?.page.next ?? undefined;
  const older = useRpcInfinite("messages", "list", allArgs(environmentId, query), {
    start,
    enabled: start !== undefined,
    still: true,
  });

  const newest = holding?.page.rows[0]?.id ?? 0;
  const top = page?.rows ?? NO_ROWS;
  const bottom = below === null || start === undefined ? NO_ROWS : older.rows;
  const loaded = useMemo(() => (bottom.length === 0 ? top : [...top, ...bottom]), [top, bottom]);
  const still = holding !== null;
  const liveNow = live.data;
  const rows = useMemo(
    () => (still ? brought(loaded, liveNow, selected) : loaded),
    [still, loaded, liveNow, selected],
  );

  const enough = Math.max(
    deep === null ? 0 : visible + AHEAD,
    wanted.scope === scope ? wanted.rows : 0,
  );
  const short = start !== undefined && rows.length < enough;
  const { more, hasMore, loadingMore } = older;
  useEffect(() => {
    if (short && hasMore && !loadingMore) more();
  }, [short, hasMore, loadingMore, more]);

  return {
    rows,
    fresh: holding === null ? 0 : (live.data?.rows.filter((row) => row.id > newest).length ?? 0),
    following: !still,
    hold: () => {
      if (holding !== null || fresh === null) return;
      const shown = deep?.page ?? fresh;
      if (shown.rows.length > 0) setHeld({ scope, page: shown });
    },
    follow: () => setHeld(null),
    more: () => {
      const next = rows.length + AHEAD;
      setWanted((was) => (was.scope === scope && was.rows >= next ? was : { scope, rows: next }));
      more();
    },
    hasMore: start === undefined ? below === null && (page?.next ?? null) !== null : hasMore,
    loadingMore: loadingMore || (older.isPending && start !== undefined),
    searching: short && query !== undefined && (hasMore || older.isPending),
    capped: older.capped,
    isPending: live.isPending,
    stale: stale || live.isPlaceholderData,
    error: live.error ?? older.error,
    refetch: () => void live.refetch(),
  };
}

/** The rows as they are now, as far as that is known: without those that the live page lost. */
function brought(
  rows: readonly MessageRow[],
  live: Page<MessageRow> | undefined,
  selected: MessageRow | number | undefined,
): readonly MessageRow[] {
  if (live === undefined) return rows;
  const known = new Map(live.rows.map((row) => [row.id, row]));
  const from = live.next === null ? 0 : (live.rows.at(-1)?.id ?? Number.POSITIVE_INFINITY);
  const one = typeof selected === "object" ? selected : undefined;
  return rows
    .filter((row) => row.id < from || known.has(row.id))
    .map((row) => known.get(row.id) ?? (row.id === one?.id ? one : row));
}

/** The rows of both, newest first, each once. */
function merged(fresh: readonly MessageRow[], known: readonly MessageRow[]): MessageRow[] {
  const ids = new Set(fresh.map((row) => row.id));
  return [...fresh, ...known.filter((row) => !ids.has(row.id))].sort((a, b) => b.id - a.id);
}
