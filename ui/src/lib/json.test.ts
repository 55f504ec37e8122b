import { describe, expect, it } from "vitest";
import {
  isTimeKey,
  jsonErrorAt,
  jsonFault,
  jsonLines,
  jsonPath,
  jsonProblem,
  laidOut,
  parsedExactly,
  writtenExactly,
} from "./json";

describe("jsonLines", () => {
  it("keeps numbers and strings exactly as they were sent", () => {
    const text =
      '{"id": 12345678901234567890, "s": "a\\"b\\\\", "n": 1.50, "e": {}, "l": [1, [2]]}';
    const lines = jsonLines(text) ?? [];
    expect(
      lines.map((line) => `${line.depth}${line.key ?? ""}${line.text}${line.comma ? "," : ""}`),
    ).toEqual([
      "0{",
      '1"id"12345678901234567890,',
      '1"s""a\\"b\\\\",',
      '1"n"1.50,',
      '1"e"{',
      "1},",
      '1"l"[',
      "21,",
      "2[",
      "32",
      "2]",
      "1]",
      "0}",
    ]);
    expect(lines[0]).toMatchObject({ items: 5, end: 12, from: 0, to: text.length });
    expect(lines[6]).toMatchObject({ items: 2, end: 11 });
  });

  it("says when a text is not JSON", () => {
    expect(jsonLines("{,}")).toBeNull();
    expect(jsonLines("")).toBeNull();
  });

  it("is not troubled by depth or size", () => {
    const deep = "[".repeat(5000) + "]".repeat(5000);
    expect(jsonLines(deep)).toHaveLength(10_000);
    const wide = JSON.stringify(
      Array.from({ length: 20_000 }, (_, at) => ({ at, text: "x".repeat(30) })),
    );
    expect(wide.length).toBeGreaterThan(900_000);
    const start = performance.now();
    expect(jsonLines(wide)).toHaveLength(80_002);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});

describe("what JavaScript would round", () => {
  type Exact = { a: unknown; b: unknown; é: unknown };
  const text = String.raw`{"a":803511102246789127,"b":[9007199254740993,-1.50,1e400],"c":{},"d":[],"\u00e9":"12345678901234567890"}`;

  it("stays as it was written when it is laid out", () => {
    const laid = laidOut(text) ?? "";
    expect(laid.replaceAll(/\s/g, "")).toBe(text);
    expect(laid).toContain('"c": {},\n  "d": [],\n');
    expect(laidOut("[1,[2]]")).toBe("[\n  1,\n  [\n    2\n  ]\n]");
    expect(laidOut("{,}")).toBeNull();
  });

  it("differs, and is shown as it was written", () => {
    const before = parsedExactly(text) as Exact;
    const after = parsedExactly(text.replace("789127", "789128")) as Exact;
    expect(before.a).not.toBe(after.a);
    expect(writtenExactly(before.a)).toBe("803511102246789127");
    expect(writtenExactly(before.é)).toBe("12345678901234567890");
    expect(writtenExactly(before.b)).toContain(" 9007199254740993,\n");
    expect(parsedExactly("[1764360000000]")).toEqual([1764360000000]);
  });
});

it("names the place where JSON stops", () => {
  expect(jsonProblem('{"a": 1}')).toBeNull();
  expect(jsonProblem("  ")).toBe("The body is empty.");
  expect(jsonProblem('{\n  "a": 1,,\n}')).toBe("This is not JSON yet: look at line 2, column 10.");
});

describe("jsonErrorAt", () => {
  it.each([
    ['{"a": 1', 7],
    ["{a: 1}", 1],
    ['{"a" 1}', 5],
    ['{"a": 1,}', 8],
    ["[1, 2", 5],
    ["[1 2]", 3],
    ["[,]", 1],
    ["[1}", 2],
    ["tru", 0],
    ["01", 1],
    ["1 x", 2],
    ['"a\nb"', 2],
    ['"a\\q"', 2],
    ['"a', 2],
    ["type=user.created", 0],
  ])("%s stops at %i", (text, at) => {
    expect(jsonErrorAt(text)).toBe(at);
  });

  it("agrees with JSON.parse, whatever is cut out", () => {
    const text = '{"a": [1, -2.5e+3, "x\\n\\u00e4", {}, []], "b": {"c": null, "d": true}}';
    for (let from = 0; from < text.length; from += 1) {
      for (let size = 0; size < 4; size += 1) {
        const cut = text.slice(0, from) + text.slice(from + size);
        let good = true;
        try {
          JSON.parse(cut);
        } catch {
          good = false;
        }
        expect([cut, jsonErrorAt(cut) === null]).toEqual([cut, good]);
      }
    }
  });
});

describe("jsonFault", () => {
  it.each([
    ["[1 2]", 3, 4],
    ['[1, 2\n"a"]', 6, 7],
    ["[😀]", 1, 3],
    ['{"a": 1', 7, 7],
    ['["a\n"]', 3, 3],
    ["", 0, 0],
  ])("of %j is from %i to %i", (text, from, to) => {
    expect(jsonFault(text)).toEqual({ from, to, message: jsonProblem(text) });
  });

  it("is nothing in what is JSON", () => {
    expect(jsonFault('{"a": 1}')).toBeNull();
  });
});

it("writes the path of a line", () => {
  const text = '{"data": {"list": [{"id": 1}, [2, 3]], "a b": {"c": 4}}, "x": 5}';
  const lines = jsonLines(text) ?? [];
  const paths = lines
    .map((line, at) => (line.kind === "value" ? `${jsonPath(lines, at)}=${line.text}` : ""))
    .filter(Boolean);
  expect(paths).toEqual([
    "data.list[0].id=1",
    "data.list[1][0]=2",
    "data.list[1][1]=3",
    'data["a b"].c=4',
    "x=5",
  ]);
  expect(jsonPath(lines, 0)).toBe("");
});

it("knows the keys of times", () => {
  expect(isTimeKey('"updated_at"')).toBe(true);
  expect(isTimeKey('"timestamp"')).toBe(true);
  expect(isTimeKey('"amount"')).toBe(false);
});
