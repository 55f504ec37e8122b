/** One step of a path: a key, an index, or the `id` of an element. */
export type Step = string | number | { id: string | number };

/** One difference between two JSON values. */
export interface Difference {
  path: readonly Step[];
  /** `moved`: a list with the same things in another order. */
  kind: "added" | "removed" | "changed" | "moved";
  /** The value before; of a moved list, the ids in their order. */
  from: unknown;
  to: unknown;
}

type Ids = Map<string | number, unknown>;

/**
 * What is different, by path, in the order of the text. Objects are compared key by key; lists by the
 * `id` of their elements when all have one of their own, else by index. No recursion, so depth costs
 * nothing.
 */
export function diff(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  const left: { path: Step[]; from: unknown; to: unknown }[] = [
    { path: [], from: before, to: after },
  ];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { path, from, to } = next;
    const inside: typeof left = [];
    const add = (step: Step, a: unknown, b: unknown) => {
      inside.push({ path: [...path, step], from: a, to: b });
    };
    if (from === to) continue;
    if (from === undefined) found.push({ path, kind: "added", from, to });
    else if (to === undefined) found.push({ path, kind: "removed", from, to });
    else if (Array.isArray(from) && Array.isArray(to)) {
      const a = byId(from);
      const b = byId(to);
      if (a !== null && b !== null && (a.size > 0 || b.size > 0)) {
        for (const [id, value] of a) add({ id }, value, b.get(id));
        for (const [id, value] of b) if (!a.has(id)) add({ id }, undefined, value);
        const kept = [...a.keys()].filter((id) => b.has(id));
        const order = [...b.keys()].filter((id) => a.has(id));
        if (kept.some((id, at) => id !== order[at]))
          found.push({ path, kind: "moved", from: [...a.keys()], to: [...b.keys()] });
      } else {
        for (let at = 0; at < Math.max(from.length, to.length); at += 1) add(at, from[at], to[at]);
      }
    } else if (isObject(from) && isObject(to)) {
      for (const key of Object.keys(from)) add(key, from[key], own(to, key));
      for (const key of Object.keys(to))
        if (!Object.hasOwn(from, key)) add(key, undefined, to[key]);
    } else found.push({ path, kind: "changed", from, to });
    left.push(...inside.reverse());
  }
  return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function byId(list: readonly unknown[]): Ids | null {
  const ids: Ids = new Map();
  for (const one of list) {
    const id = isObject(one) ? own(one, "id") : undefined;
    if ((typeof id !== "string" && typeof id !== "number") || ids.has(id)) return null;
    ids.set(id, one);
  }
  return ids;
}

/** A path as it is written: `data.email_addresses[idn_1].verification`. */
export function pathText(path: readonly Step[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "object") text += `[${step.id}]`;
    else if (typeof step === "number") text += `[${step}]`;
    else if (/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text === "" ? "the whole body" : text;
}

/** Fields of Clerk's that change with almost every message and say little. */
export const NOISE: readonly string[] = [
  "updated_at",
  "last_sign_in_at",
  "last_active_at",
  "timestamp",
  "event_attributes",
];

/** Whether a difference is under one of these keys. */
export function isNoise({ path }: Difference, noise: ReadonlySet<string>): boolean {
  return path.some((step) => typeof step === "string" && noise.has(step));
}
