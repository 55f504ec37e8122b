import type { Flaw } from "../../ipc/gen/Flaw";
import type { SampleRow } from "../../ipc/gen/SampleRow";

/** The groups of the catalogue, in the order shown. */
export const GROUPS: readonly { group: SampleRow["group"]; title: string }[] = [
  { group: "people", title: "People" },
  { group: "awkward", title: "Awkward" },
  { group: "flawed", title: "Refused on purpose" },
  { group: "clerk", title: "All of Clerk's" },
  { group: "own", title: "Yours" },
];

/** How a test event with a flaw is refused. */
export const REFUSED: Record<Flaw, string> = {
  wrong_secret: "signed with a secret that no endpoint has",
  old_timestamp: "signed ten minutes ago, and five are allowed",
  future_timestamp: "signed ten minutes ahead of the clock, and five are allowed",
  altered_body: "the body is altered after signing, so the signature does not fit",
  no_headers: "the Svix headers are missing",
};

/** The samples in which every word of the filter occurs. */
export function fitting(rows: readonly SampleRow[], filter: string): SampleRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const text = `${row.name} ${row.type} ${row.title} ${row.tests}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const MOST_NAMED = 12;

/** A search that finds these messages. */
export function searchFor(ids: readonly number[]): { q?: string; id?: number } {
  const id = ids.at(-1);
  if (id === undefined) return { q: "is:test" };
  if (ids.length === 1) return { id };
  if (ids.length > MOST_NAMED) return { q: "is:test", id };
  return { q: ids.map((one) => `id:${one}`).join(" OR "), id };
}
