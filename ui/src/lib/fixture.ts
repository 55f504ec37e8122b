import type { SampleRow } from "../ipc/gen/SampleRow";

const OWN = "own:";

/** The name under which a fixture was saved, or null for a sample that is built in. */
export function fixtureName(row: SampleRow | undefined): string | null {
  if (row?.group !== "own") return null;
  return row.name.startsWith(OWN) ? row.name.slice(OWN.length) : row.name;
}
