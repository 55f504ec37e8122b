import type { ContactSort } from "../../ipc/gen/ContactSort";

/** An order of the audience as it stands in the address: "name", or "-name" turned round. */
export interface Order {
  sort: ContactSort;
  reverse: boolean;
}

const WORDS: Record<ContactSort, [string, string]> = {
  updated: ["last change", "last change, oldest first"],
  created: ["newest", "oldest"],
  email: ["email, a to z", "email, z to a"],
  name: ["name, a to z", "name, z to a"],
  group: ["group, a to z", "group, z to a"],
};

const DEFAULT: Order = { sort: "updated", reverse: false };

function isSort(text: string): text is ContactSort {
  return Object.hasOwn(WORDS, text);
}

export function readOrder(param: string | undefined): Order {
  if (param === undefined) return DEFAULT;
  const reverse = param.startsWith("-");
  const sort = reverse ? param.slice(1) : param;
  return isSort(sort) ? { sort, reverse } : DEFAULT;
}

export function writeOrder(order: Order): string | undefined {
  if (order.sort === DEFAULT.sort && !order.reverse) return undefined;
  return order.reverse ? `-${order.sort}` : order.sort;
}

/** The order after a click on a column: by it, and turned round when it was by it already. */
export function nextOrder(order: Order, sort: ContactSort): Order {
  return order.sort === sort ? { sort, reverse: !order.reverse } : { sort, reverse: false };
}

export function orderInWords(order: Order): string {
  return WORDS[order.sort][order.reverse ? 1 : 0];
}

/** The direction as ARIA says it; times count as descending when the newest is first. */
export function ariaSort(order: Order, sort: ContactSort): "ascending" | "descending" | undefined {
  if (order.sort !== sort) return undefined;
  const newestFirst = sort === "updated" || sort === "created";
  return newestFirst === order.reverse ? "ascending" : "descending";
}
