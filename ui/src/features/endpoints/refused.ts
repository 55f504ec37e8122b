import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import { useRpc } from "../../ipc/hooks";
import { outcomeWord } from "../../lib/outcome";

/** A search for the refused messages of an endpoint. */
export function refusedOf({ name }: { name: string }): string {
  return `endpoint:"${name.replace(/["\\]/g, "\\$&")}" status:refused`;
}

/**
 * The refused message that came last to an endpoint, and how many there are. Tests are left out: they
 * are refused on purpose.
 */
export function useRefused(endpoint: EndpointDetail): {
  last: MessageRow | undefined;
  count: number;
} {
  const args = { environmentId: endpoint.environmentId, query: `${refusedOf(endpoint)} -is:test` };
  const newest = useRpc("messages", "list", { ...args, limit: 1 }, { every: 1000, keep: true });
  const last = newest.data?.rows.find((row) => row.endpointId === endpoint.id);
  const all = useRpc("messages", "count", args, {
    enabled: last !== undefined,
    every: 2000,
    keep: true,
  });
  return { last, count: last === undefined ? 0 : (all.data?.count ?? 0) };
}

/** "wrong secret", "not JSON": why it was refused, inside a sentence. */
export function reasonOf(row: MessageRow): string {
  const { word } = outcomeWord(row.outcome, row.reason);
  return word.charAt(0).toLowerCase() + word.slice(1);
}
