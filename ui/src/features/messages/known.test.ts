import { describe, expect, it } from "vitest";
import { linksOf } from "./known";

const USER = "user_2NNEqL2nrIRdJ194ndJqAHwEfxC";

describe("what a value of a payload leads to", () => {
  it.each([
    [
      USER,
      ["/audience", "/messages", `https://dashboard.clerk.com/last-active?path=users/${USER}`],
    ],
    ["ada@example.com", ["/audience", "/messages"]],
    ["wle_2NNEqL2nrIRdJ194ndJqAHwEfxC", ["/messages"]],
    [
      "org_2NNEqL2nrIRdJ194ndJqAHwEfxC",
      [
        "/messages",
        "https://dashboard.clerk.com/last-active?path=organizations/org_2NNEqL2nrIRdJ194ndJqAHwEfxC",
      ],
    ],
    ["ins_2NNEqL2nrIRdJ194ndJqAHwEfxC", []],
    ["user.created", []],
    ["email_address", []],
    ["user_", []],
    ["user_../../settings?x=1", []],
    ["write to ada@example.com", []],
    ["", []],
  ])("%s", (value, ways) => {
    const links = linksOf(value, { test: false });
    expect(links.map((link) => ("href" in link ? link.href : link.to))).toEqual(ways);
  });

  it("leads nowhere in the dashboard from a test, which is about nobody there", () => {
    expect(linksOf(USER, { test: true }).every((link) => !("href" in link))).toBe(true);
  });

  it("looks for the exact word among messages", () => {
    const [, messages] = linksOf(USER, { test: false });
    expect(messages).toMatchObject({ search: { q: `"${USER}"` } });
  });
});
