import { extend, NONE, toggle, toggleAll } from "./picked";
import { ariaSort, nextOrder, readOrder, writeOrder } from "./sort";

describe("picking rows", () => {
  const order = [10, 20, 30, 40, 50];

  it("reaches from the row picked last, in both directions", () => {
    const down = extend(toggle(NONE, 20), 40, order);
    expect([...down.ids]).toEqual([20, 30, 40]);
    expect([...extend(down, 10, order).ids].sort()).toEqual([10, 20, 30, 40]);
  });

  it("picks one row when there is nothing to reach from", () => {
    expect([...extend(NONE, 30, order).ids]).toEqual([30]);
    expect([...extend(toggle(NONE, 99), 30, order).ids].sort()).toEqual([30, 99]);
  });

  it("picks all rows, then none", () => {
    const all = toggleAll(NONE, order);
    expect(all.ids.size).toBe(5);
    expect(toggleAll(all, order)).toBe(NONE);
  });
});

describe("the order in the address", () => {
  it("is left out when it is the usual one, and read back otherwise", () => {
    for (const text of ["-updated", "name", "-name", "email", "group", "created"]) {
      expect(writeOrder(readOrder(text))).toBe(text);
    }
    expect(writeOrder(readOrder(undefined))).toBeUndefined();
    expect(readOrder("nonsense")).toEqual({ sort: "updated", reverse: false });
    expect(readOrder("toString")).toEqual({ sort: "updated", reverse: false });
  });

  it("turns round on a second click", () => {
    const once = nextOrder(readOrder(undefined), "name");
    expect(ariaSort(once, "name")).toBe("ascending");
    expect(ariaSort(nextOrder(once, "name"), "name")).toBe("descending");
    expect(ariaSort(readOrder(undefined), "updated")).toBe("descending");
  });
});
