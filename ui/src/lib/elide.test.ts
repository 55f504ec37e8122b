import { expect, it } from "vitest";
import { elide } from "./elide";

it("keeps what fits and shortens the rest in its middle", () => {
  expect(elide("user_2zQm7Xw0aE5", 20)).toBe("user_2zQm7Xw0aE5");
  const short = elide("msg_2zR0vYh1kQ3wX8c4LmTn9B", 20);
  expect(short).toHaveLength(20);
  expect(short.startsWith("msg_2zR0vYh1")).toBe(true);
  expect(short.endsWith("4LmTn9B")).toBe(true);
  expect(short).toContain("…");
});
