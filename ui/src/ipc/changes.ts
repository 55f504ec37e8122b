import type { Query, QueryClient } from "@tanstack/react-query";
import { host } from "./host";

/**
 * Refetches what is on the screen when the engine says that its topic changed.
 * A query that is still being fetched is fetched once more afterwards, never restarted, so that a
 * burst of changes cannot starve it. `meta.every` is the shortest time in ms between two refetches;
 * `meta.still` leaves a query alone; `meta.also` names further topics that its reply depends on.
 */
export function followChanges(client: QueryClient): () => void {
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();

  const refresh = (query: Query) => {
    if (query.state.fetchStatus === "fetching") {
      later(query, 50);
      return;
    }
    const wait = query.state.dataUpdatedAt + interval(query) - Date.now();
    if (wait > 0) {
      later(query, wait);
      return;
    }
    void client.refetchQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: false });
  };

  const later = (query: Query, ms: number) => {
    if (waiting.has(query.queryHash)) return;
    waiting.set(
      query.queryHash,
      setTimeout(() => {
        waiting.delete(query.queryHash);
        if (query.isActive()) refresh(query);
      }, ms),
    );
  };

  const touch = (wanted: (query: Query) => boolean) => {
    for (const query of client.getQueryCache().findAll({ predicate: wanted })) {
      if (query.meta?.still === true) continue;
      query.invalidate();
      if (query.isActive()) refresh(query);
    }
  };

  const stop = host().subscribe(
    (topics) => touch((query) => dependsOn(query).some((topic) => topics.includes(topic))),
    () => touch(() => true),
  );
  return () => {
    stop();
    for (const timer of waiting.values()) clearTimeout(timer);
    waiting.clear();
  };
}

function dependsOn(query: Query): string[] {
  const also: unknown = query.meta?.also;
  return [query.queryKey[0], ...(Array.isArray(also) ? also : [])].map(String);
}

const PER_PAGE_MS = 150;

function interval(query: Query): number {
  const every = typeof query.meta?.every === "number" ? query.meta.every : 0;
  const data: unknown = query.state.data;
  const pages =
    typeof data === "object" && data !== null && "pages" in data && Array.isArray(data.pages)
      ? data.pages.length
      : 0;
  return Math.max(every, pages > 1 ? pages * PER_PAGE_MS : 0);
}
