import { QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followChanges } from "./changes";
import { newClient } from "./client";
import { setHost } from "./host";

let announce: (topics: string[]) => void = () => {};
let lose: () => void = () => {};

beforeEach(() => {
  vi.useFakeTimers();
  setHost({
    call: async () => null,
    subscribe: (onTopics, onLost) => {
      announce = onTopics;
      lose = onLost;
      return () => {};
    },
  });
});
afterEach(() => {
  vi.useRealTimers();
});

function watch(key: unknown[], took: number, meta: Record<string, unknown> = {}) {
  const client = newClient();
  const stop = followChanges(client);
  const fetched = vi.fn(
    () => new Promise((resolve) => setTimeout(() => resolve(fetched.mock.calls.length), took)),
  );
  const observer = new QueryObserver(client, { queryKey: key, queryFn: fetched, meta });
  const leave = observer.subscribe(() => {});
  return {
    fetched,
    observer,
    end: () => {
      leave();
      stop();
      client.clear();
    },
  };
}

it("refetches only what depends on the topic", async () => {
  const one = watch(["messages", "list", {}], 5, { also: ["settings"] });
  await vi.advanceTimersByTimeAsync(10);
  announce(["contacts"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(one.fetched).toHaveBeenCalledTimes(1);
  announce(["messages"]);
  await vi.advanceTimersByTimeAsync(100);
  announce(["settings"]);
  await vi.advanceTimersByTimeAsync(100);
  lose();
  await vi.advanceTimersByTimeAsync(100);
  expect(one.fetched).toHaveBeenCalledTimes(4);
  one.end();
});

it("finishes a slow fetch in a burst instead of starting it over", async () => {
  const slow = watch(["messages", "list", {}], 400);
  await vi.advanceTimersByTimeAsync(450);
  for (let at = 0; at < 20; at += 1) {
    announce(["messages"]);
    await vi.advanceTimersByTimeAsync(150);
  }
  await vi.advanceTimersByTimeAsync(1000);
  const times = slow.fetched.mock.calls.length;
  expect(times).toBeGreaterThanOrEqual(6);
  expect(times).toBeLessThanOrEqual(11);
  expect(slow.observer.getCurrentResult().data).toBe(times);
  slow.end();
});

it("keeps to the shortest interval, and leaves still ones alone", async () => {
  const calm = watch(["messages", "show", {}], 1, { every: 1000 });
  await vi.advanceTimersByTimeAsync(5);
  for (let at = 0; at < 20; at += 1) {
    announce(["messages"]);
    await vi.advanceTimersByTimeAsync(150);
  }
  expect(calm.fetched.mock.calls.length).toBeLessThanOrEqual(4);
  calm.end();

  const still = watch(["messages", "list", {}], 1, { still: true });
  await vi.advanceTimersByTimeAsync(5);
  announce(["messages"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(still.fetched).toHaveBeenCalledOnce();
  still.end();
});
