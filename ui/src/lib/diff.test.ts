import { describe, expect, it } from "vitest";
import { type Difference, diff, isNoise, NOISE, pathText, type Step } from "./diff";

const short = (before: unknown, after: unknown) =>
  diff(before, after).map(({ path, kind }) => `${kind} ${pathText(path)}`);

describe("diff", () => {
  it("names what was added, removed and changed, by path", () => {
    const before = { a: 1, b: { c: [1, 2], d: null }, gone: "x" };
    const after = { a: 2, b: { c: [1, 3, 4], d: null, e: {} } };
    expect(short(before, after)).toEqual([
      "changed a",
      "changed b.c[1]",
      "added b.c[2]",
      "added b.e",
      "removed gone",
    ]);
  });

  it("compares lists by id when every element has one of its own", () => {
    const before = { list: [{ id: "a", v: 1 }, { id: "b" }, { id: "c" }] };
    const after = { list: [{ id: "b" }, { id: "a", v: 2 }, { id: "d" }] };
    expect(short(before, after)).toEqual([
      "moved list",
      "changed list[a].v",
      "removed list[c]",
      "added list[d]",
    ]);
    expect(short([{ id: 1 }, { id: 1 }], [{ id: 1 }])).toEqual(["removed [1]"]);
    expect(short([{ id: 1 }, 2], [{ id: 1 }, 3])).toEqual(["changed [1]"]);
    expect(short([], [{ id: 7 }])).toEqual(["added [7]"]);
  });

  it("tells null, absent and other kinds apart", () => {
    expect(short({ a: null }, {})).toEqual(["removed a"]);
    expect(short({ a: null }, { a: 0 })).toEqual(["changed a"]);
    expect(short({ a: [] }, { a: {} })).toEqual(["changed a"]);
    expect(short(1, "1")).toEqual(["changed the whole body"]);
    expect(short({}, JSON.parse('{"__proto__": 1, "toString": 2}'))).toEqual([
      "added __proto__",
      "added toString",
    ]);
  });

  it("is not troubled by depth", () => {
    const deep = (inner: string) => JSON.parse("[".repeat(4000) + inner + "]".repeat(4000));
    expect(diff(deep("1"), deep("2"))).toHaveLength(1);
  });

  it("finds nothing in equal values, and what it finds leads from one to the other", () => {
    const random = numbers(7);
    for (let round = 0; round < 400; round += 1) {
      const before = value(random, 3);
      const after = random() < 0.5 ? mutate(before, random) : value(random, 3);
      expect(diff(before, structuredClone(before))).toEqual([]);
      const found = diff(before, after);
      expect(patch(structuredClone(before), found)).toEqual(after);
      expect(found.length === 0).toBe(JSON.stringify(before) === JSON.stringify(after));
      for (const { path, kind, from } of found) {
        if (kind === "added") expect(at(before, path)).toBeUndefined();
        else if (kind !== "moved") expect(at(before, path)).toEqual(from);
      }
    }
  });
});

it("knows noise by any key on the way", () => {
  const noise = new Set(NOISE);
  const found = diff(
    { data: { updated_at: 1, name: "a" }, event_attributes: { http_request: { ip: 1 } } },
    { data: { updated_at: 2, name: "b" }, event_attributes: { http_request: { ip: 2 } } },
  );
  expect(found.filter((one) => isNoise(one, noise)).map((one) => pathText(one.path))).toEqual([
    "data.updated_at",
    "event_attributes.http_request.ip",
  ]);
});

it("writes paths so that they can be read", () => {
  expect(pathText(["data", "email_addresses", { id: "idn_1" }, "a b", 0])).toBe(
    'data.email_addresses[idn_1]["a b"][0]',
  );
});

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const KEYS = ["a", "b", "c"];

function value(random: () => number, depth: number): unknown {
  const pick = Math.floor(random() * (depth === 0 ? 3 : 6));
  const some = () => Math.floor(random() * 4);
  if (pick === 0) return some();
  if (pick === 1) return String(some());
  if (pick === 2) return null;
  if (pick === 3) return Array.from({ length: some() }, () => value(random, depth - 1));
  if (pick === 4)
    return Array.from({ length: some() }, (_, id) => ({ id, v: value(random, depth - 1) }));
  return Object.fromEntries(
    KEYS.filter(() => random() < 0.6).map((key) => [key, value(random, depth - 1)]),
  );
}

function mutate(from: unknown, random: () => number): unknown {
  if (Array.isArray(from)) return from.filter(() => random() < 0.8);
  if (typeof from !== "object" || from === null) return value(random, 1);
  return Object.fromEntries(
    Object.entries(from).map(([key, one]) => [key, random() < 0.5 ? mutate(one, random) : one]),
  );
}

function find(list: unknown[], step: Step): number {
  return typeof step === "object"
    ? list.findIndex((one) => (one as { id?: unknown } | null)?.id === step.id)
    : Number(step);
}

function at(root: unknown, path: readonly Step[]): unknown {
  let now = root;
  for (const step of path) {
    if (Array.isArray(now)) now = now[find(now, step)];
    else now = (now as Record<string, unknown> | null)?.[String(step)];
  }
  return now;
}

/** Carries differences out: changes first, then what goes, from the end, and the order last. */
function patch(root: unknown, found: readonly Difference[]): unknown {
  const box = { root };
  const ordered = [
    ...found.filter((one) => one.kind === "changed"),
    ...found.filter((one) => one.kind === "removed").reverse(),
    ...found.filter((one) => one.kind === "added"),
    ...found.filter((one) => one.kind === "moved"),
  ];
  for (const { path, kind, to } of ordered) {
    if (kind === "moved") {
      const list = at(box, ["root", ...path]) as { id: unknown }[];
      const order = to as unknown[];
      list.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
      continue;
    }
    const whole: Step[] = ["root", ...path];
    const last = whole.pop() ?? "root";
    const parent = at(box, whole);
    if (Array.isArray(parent)) {
      if (kind === "removed") parent.splice(find(parent, last), 1);
      else if (kind === "added") parent.push(to);
      else parent[find(parent, last)] = to;
    } else if (kind === "removed") delete (parent as Record<string, unknown>)[String(last)];
    else (parent as Record<string, unknown>)[String(last)] = to;
  }
  return box.root;
}
