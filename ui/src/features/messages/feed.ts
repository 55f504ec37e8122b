import { useState } from "react";
import type { ApiFailure } from "../../ipc/failure";
import type { ListMessages } from "../../ipc/gen/ListMessages";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { Page } from "../../ipc/gen/Page";
import { useRpc, useRpcInfinite } from "../../ipc/hooks";

/**
 * The live list. While it follows, only its first page is on the screen and only that is fetched
 * again. Once the person moves, the page they see stands still, older pages are added below it, and
 * the live page goes on beside it to count what is new. Nothing grows with the number of messages.
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
  capped: boolean;
  isPending: boolean;
  error: ApiFailure | null;
  refetch: () => void;
}

const LIVE = 100;
/** Above this the pill says "99+". */
export const NEW_MOST = 100;

interface Held {
  /** The search it belongs to. */
  scope: string;
  page: Page<MessageRow>;
}

function allArgs(environmentId: number, query: string | undefined): ListMessages {
  return query === undefined ? { environmentId } : { environmentId, query };
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
  const [seen, setSeen] = useState<Held | null>(null);
  const selectedId = typeof selected === "object" ? selected.id : selected;

  const fresh = live.data !== undefined && !live.isPlaceholderData ? live.data : null;
  let holding = held?.scope === scope ? held : null;
  if (fresh !== null && fresh !== seen?.page) {
    const before = seen?.scope === scope ? seen.page : null;
    if (holding === null && before !== null && selectedId !== undefined) {
      const was = before.rows.findIndex((row) => row.id === selectedId);
      const is = fresh.rows.findIndex((row) => row.id === selectedId);
      if (was >= 0 && was < visible && (is < 0 || is >= visible)) {
        holding = { scope, page: before };
        setHeld(holding);
      }
    }
    setSeen({ scope, page: fresh });
  }

  const page = holding?.page ?? live.data;
  const older = useRpcInfinite("messages", "list", allArgs(environmentId, query), {
    start: holding?.page.next ?? undefined,
    enabled: holding !== null && holding.page.next !== null,
    still: true,
  });

  const newest = holding?.page.rows[0]?.id ?? 0;
  const known = new Map<number, MessageRow>(
    typeof selected === "object" ? [[selected.id, selected]] : [],
  );
  if (holding !== null) for (const row of live.data?.rows ?? []) known.set(row.id, row);
  const current = (row: MessageRow) => known.get(row.id) ?? row;
  const top = page?.rows ?? [];
  const below = holding === null || holding.page.next === null ? [] : older.rows;

  return {
    rows: holding === null ? top : [...top, ...below].map(current),
    fresh: holding === null ? 0 : (live.data?.rows.filter((row) => row.id > newest).length ?? 0),
    following: holding === null,
    hold: () => {
      if (holding === null && fresh !== null && fresh.rows.length > 0)
        setHeld({ scope, page: fresh });
    },
    follow: () => setHeld(null),
    more: older.more,
    hasMore: holding === null ? (page?.next ?? null) !== null : older.hasMore,
    loadingMore:
      older.loadingMore || (older.isPending && holding !== null && holding.page.next !== null),
    capped: older.capped,
    isPending: live.isPending,
    error: live.error ?? older.error,
    refetch: () => void live.refetch(),
  };
}
