import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { act, configure, render, waitFor } from "@testing-library/react";
import axe from "axe-core";
import type { ReactNode } from "react";
import { newClient } from "../ipc/client";
import { ApiFailure } from "../ipc/failure";
import type { Code } from "../ipc/gen/Code";
import type { EnvironmentRow } from "../ipc/gen/EnvironmentRow";
import { setHost } from "../ipc/host";
import type { Args, Reply, Topic, Verb } from "../ipc/rpc";
import { Toasts } from "../parts/Toast";

export const ENVIRONMENT: EnvironmentRow = {
  id: 1,
  name: "Development",
  kind: "development",
  color: "#7c6f64",
  endpoints: 1,
  contacts: 3,
  instanceId: null,
};

type Replies = {
  [T in Topic]?: {
    [V in Verb<T>]?: (args: Args<T, V>) => Reply<T, V> | Promise<Reply<T, V>>;
  };
};

/** What a verb throws when it refuses. */
export function refuse(code: Code, message: string): never {
  throw new ApiFailure(code, message);
}

/** Draws a screen over a host that answers with `replies`, and records what was asked of it. */
export async function show(page: ReactNode, path: string, replies: Replies) {
  const calls: { name: string; args: unknown }[] = [];
  const table: Replies = {
    ...replies,
    environments: { list: () => [ENVIRONMENT], ...replies.environments },
  };
  setHost({
    async call(name, args) {
      calls.push({ name, args });
      const [topic = "", verb = ""] = name.split(".");
      const verbs = table[topic as Topic] as Record<string, (args: unknown) => unknown> | undefined;
      const answer = verbs?.[verb];
      if (answer === undefined) throw new ApiFailure("internal", `The test has no ${name}.`);
      return answer(args);
    },
    subscribe: () => () => {},
  });
  const client = newClient();
  const root = createRootRoute({
    validateSearch: (raw: Record<string, unknown>) => raw,
  });
  const history = createMemoryHistory({ initialEntries: [path] });
  const paths = ["/messages", "/audience", "/events", "/endpoints", "/endpoints/$id", "/settings"];
  const router = createRouter({
    history,
    routeTree: root.addChildren(
      paths.map((one) =>
        createRoute({
          getParentRoute: () => root,
          path: one,
          component: () => (
            <main>
              {page}
              <Toasts />
            </main>
          ),
        }),
      ),
    ),
  });
  const view = render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await waitFor(() => expect(view.container.querySelector("main")).not.toBeNull());
  return {
    calls,
    asked: (name: string) => calls.filter((call) => call.name === name).map((call) => call.args),
    search: () => router.state.location.search as Record<string, unknown>,
    path: () => router.state.location.pathname,
    navigate: (search: Record<string, unknown>) =>
      act(() => router.navigate({ to: ".", search: search as never })),
    client,
  };
}

// axe alone takes seconds in jsdom when the machine is busy.
vi.setConfig({ testTimeout: 30_000 });
configure({ asyncUtilTimeout: 5000 });
beforeEach(() => localStorage.clear());

/** Gives every element a size, since a virtual list draws nothing in a window of no height. */
export function giveSizes(width = 1200, height = 700): void {
  for (const [name, value] of [
    ["offsetWidth", width],
    ["offsetHeight", height],
    ["clientWidth", width],
    ["clientHeight", height],
  ] as const) {
    vi.spyOn(HTMLElement.prototype, name, "get").mockReturnValue(value);
  }
}

/** Says which rules of accessibility the document breaks; colours cannot be judged without a layout. */
export async function violations(): Promise<string[]> {
  const result = await axe.run(document.body, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return result.violations.map(
    (found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" | ")}`,
  );
}

/** Whether a switch, checkbox or radio button is on. */
export function isOn(control: Element): boolean {
  return control.getAttribute("aria-checked") === "true";
}

/** What a screen reader adds after the name of a control. */
export function descriptionOf(control: Element): string {
  const ids = (control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
  return ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
}
