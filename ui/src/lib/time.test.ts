import { describe, expect, it } from "vitest";
import { clock, day, iso, relative, unixInWords, unixTime } from "./time";

const now = new Date(2026, 10, 23, 12, 4, 31).getTime();
const S = 1000;

describe("relative", () => {
  it.each([
    [0, "now"],
    [4 * S, "now"],
    [20 * S, "20 s"],
    [59 * S, "59 s"],
    [60 * S, "1 min"],
    [59 * 60 * S, "59 min"],
    [3 * 3600 * S, "3 h"],
    [5 * 86_400 * S, "5 d"],
    [9 * 86_400 * S, "14 Nov"],
    [400 * 86_400 * S, "19 Oct 2025"],
    [-240 * S, "in 4 min"],
  ])("%i ms ago reads %s", (age, words) => {
    expect(relative(now - age, now)).toBe(words);
  });
});

describe("clock", () => {
  it("gives the time today and the day before that", () => {
    expect(clock(now - 60_000, now)).toBe("12:03:31");
    expect(clock(now - 9 * 86_400_000, now)).toBe("14 Nov 12:04");
  });
});

describe("times in payloads", () => {
  it("reads seconds and milliseconds, and nothing else", () => {
    expect(unixTime(1_763_985_871)).toBe(1_763_985_871_000);
    expect(unixTime(1_763_985_871_412)).toBe(1_763_985_871_412);
    expect(unixTime(42)).toBeNull();
    expect(unixTime(1.5)).toBeNull();
    expect(unixTime(9_999_999_999_999)).toBeNull();
  });
  it("says today and yesterday", () => {
    expect(unixInWords(now, now)).toBe("today 12:04:31");
    expect(unixInWords(now - 86_400_000, now)).toBe("yesterday 12:04:31");
    expect(unixInWords(now - 9 * 86_400_000, now)).toBe("14 Nov 12:04:31");
  });
});

it("copies as ISO-8601", () => {
  expect(iso(0)).toBe("1970-01-01T00:00:00.000Z");
  expect(iso(Number.NaN)).toBe("NaN");
  expect(day(now, now)).toBe("23 Nov");
});
