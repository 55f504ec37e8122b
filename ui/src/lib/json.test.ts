import { describe, expect, it } from "vitest";
import { isTimeKey, jsonLines, jsonProblem } from "./json";

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

it("names the place where JSON stops", () => {
  expect(jsonProblem('{"a": 1}')).toBeNull();
  expect(jsonProblem("  ")).toBe("The body is empty.");
  expect(jsonProblem('{\n  "a": 1,,\n}')).toMatch(/^This is not JSON yet/);
});

it("knows the keys of times", () => {
  expect(isTimeKey('"updated_at"')).toBe(true);
  expect(isTimeKey('"timestamp"')).toBe(true);
  expect(isTimeKey('"amount"')).toBe(false);
});
