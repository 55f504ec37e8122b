/** Rows picked for an act on several, with the row that a shift-click reaches from. */
export interface Picked {
  ids: ReadonlySet<number>;
  anchor: number | null;
}

export const NONE: Picked = { ids: new Set(), anchor: null };

/** Picks one row, or lets it go. */
export function toggle(picked: Picked, id: number): Picked {
  const ids = new Set(picked.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id };
}

/** Picks everything between the anchor and `id`, as the rows stand now. */
export function extend(picked: Picked, id: number, order: readonly number[]): Picked {
  const from = picked.anchor === null ? -1 : order.indexOf(picked.anchor);
  const to = order.indexOf(id);
  if (from < 0 || to < 0) return toggle(picked, id);
  const ids = new Set(picked.ids);
  for (const one of order.slice(Math.min(from, to), Math.max(from, to) + 1)) ids.add(one);
  return { ids, anchor: id };
}

/** Picks all rows, or none when all are picked. */
export function toggleAll(picked: Picked, order: readonly number[]): Picked {
  return order.every((id) => picked.ids.has(id)) ? NONE : { ids: new Set(order), anchor: null };
}
