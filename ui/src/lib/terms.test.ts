import { describe, expect, it } from "vitest";
import { join, split, terms } from "./terms";

describe("terms", () => {
  it("reads words, fields, quotes and minus signs", () => {
    const text = 'maya type:user.* -endpoint:"My \\"app\\"" after:"2 days ago" https://x';
    expect(terms(text)?.map(({ field, value, negated }) => [field, value, negated])).toEqual([
      [null, "maya", false],
      ["type", "user.*", false],
      ["endpoint", 'My "app"', true],
      ["after", "2 days ago", false],
      ["https", "//x", false],
    ]);
    for (const term of terms(text) ?? []) expect(term.end).toBeGreaterThan(term.start);
  });

  it.each(["a OR b", "(a b)", "-(type:x)", "type:x (", "--a"])("leaves %s alone", (text) => {
    expect(terms(text)).toBeNull();
    expect(split(`type:user.* ${text}`, true)).toEqual({ chips: [], rest: `type:user.* ${text}` });
  });

  it.each(['type:"a OR b"', "ORDER", "fOR", "type:OR", "-OR"])("is not misled by %s", (text) => {
    expect(terms(text)).not.toBeNull();
  });
});

describe("split", () => {
  it.each([
    ["type:user.*", false, [], "type:user.*"],
    ["type:user.*", true, ["type:user.*"], ""],
    ["type:user.* ", false, ["type:user.*"], ""],
    ["maya type:user.* ok", false, ["type:user.*"], "maya ok"],
    ['after:"2 days', true, [], 'after:"2 days'],
    ['after:"2 days ago" x', false, ['after:"2 days ago"'], "x"],
    ["-is:test is: ", false, ["-is:test"], "is: "],
    ['email:"" ', false, [], 'email:"" '],
  ])("%s", (text, finished, chips, rest) => {
    expect(split(text, finished)).toEqual({ chips, rest });
  });

  it("loses nothing: what is joined splits into the same", () => {
    const parts = ["maya", "type:user.*", "-is:test", 'after:"2 days ago"', '"two words"', "x:"];
    for (let mask = 1; mask < 1 << parts.length; mask += 1) {
      const text = parts.filter((_, at) => mask & (1 << at)).join(" ");
      const once = split(text, true);
      expect(split(join(once), true)).toEqual(once);
      expect(join(once).split(" ").sort()).toEqual(text.split(" ").sort());
    }
  });
});
