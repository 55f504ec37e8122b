import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { followChanges } from "../ipc/changes";
import { newClient } from "../ipc/client";
import { type FakeMode, newFake } from "../ipc/fake";
import { setHost } from "../ipc/host";
import { dismissToast, toasts } from "../lib/toast";
import { newRouter } from "./routes";

vi.mock("../parts/CodeMirror", () => ({
  default: (props: { value: string; label: string; onChange: (value: string) => void }) => (
    <textarea
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    />
  ),
}));

beforeEach(() => {
  localStorage.clear();
  for (const item of toasts.current()) dismissToast(item.id);
});

function open(address: string, mode: FakeMode = "full") {
  const fake = newFake(mode);
  setHost(fake);
  const client = newClient();
  const stop = followChanges(client);
  const router = newRouter(createMemoryHistory({ initialEntries: [address] }));
  const view = render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  const close = () => {
    stop();
    view.unmount();
    client.clear();
  };
  return { fake, router, client, close };
}

async function violations(): Promise<string[]> {
  const result = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  return result.violations.map(
    (found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`,
  );
}

const list = () => screen.findByRole("listbox", { name: "Messages, newest first" });

describe("Messages", () => {
  it("shows the list and, for a chosen message, its whole way", async () => {
    const user = userEvent.setup();
    const { router, close } = open("/messages");
    const rows = within(await list()).getAllByRole("option");
    expect(rows[0]).toHaveTextContent("user.updated");
    expect(rows[0]).toHaveTextContent("Processed");
    expect(rows[4]).toHaveTextContent("Wrong secret");
    await user.click(rows[0] ?? document.body);
    expect(await screen.findByRole("heading", { name: "user.updated" })).toBeVisible();
    expect(screen.getByText("200 in 3 ms")).toBeVisible();
    expect(screen.getByText("Signature valid")).toBeVisible();
    expect(screen.getByText("Okafor-Lind")).toBeVisible();
    expect(router.state.location.search).toEqual({ id: 2318 });
    await user.click(screen.getByRole("tab", { name: "Headers 6" }));
    expect(screen.getByText("svix-signature")).toBeVisible();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(router.state.location.search).not.toHaveProperty("id"));
    close();
  });

  it("explains a refused message and verifies it again", async () => {
    const user = userEvent.setup();
    const { close } = open("/messages?id=2314");
    expect(await screen.findByText("Why it was refused")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Verify again" }));
    expect(await screen.findByText(/It verifies now/)).toBeVisible();
    expect(await screen.findByText("What changed on the contact")).toBeVisible();
    close();
  });

  it("puts the search into the address and says when nothing fits", async () => {
    const user = userEvent.setup();
    const { router, close } = open("/messages");
    await list();
    await user.keyboard("/nobody@nowhere");
    expect(await screen.findByText("Nothing found")).toBeVisible();
    expect(router.state.location.search).toEqual({ q: "nobody@nowhere" });
    await user.click(screen.getByRole("button", { name: "Clear the search" }));
    await list();
    close();
  });

  it("follows until the list is moved, then counts what is new", async () => {
    const user = userEvent.setup();
    const { fake, close } = open("/messages");
    const box = await list();
    act(() => fake.arrive(2));
    await waitFor(() =>
      expect(within(box).getAllByRole("option")[0]).toHaveTextContent("user.deleted"),
    );
    const scroller = box.parentElement ?? box;
    Object.defineProperty(scroller, "scrollTop", {
      configurable: true,
      writable: true,
      value: 400,
    });
    act(() => void scroller.dispatchEvent(new Event("scroll")));
    act(() => fake.arrive(3));
    const pill = await screen.findByRole("button", { name: /3 new/ });
    await user.click(pill);
    await waitFor(() => expect(screen.queryByRole("button", { name: /new/ })).toBeNull());
    close();
  });

  it("stays small in a burst: few nodes, few queries, no toasts", async () => {
    const { fake, client, close } = open("/messages");
    await list();
    for (let at = 0; at < 20; at += 1) {
      await act(async () => {
        fake.arrive(75);
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
    }
    expect(document.querySelectorAll('[role="option"]').length).toBeLessThan(40);
    expect(client.getQueryCache().getAll().length).toBeLessThan(13);
    expect(screen.getByRole("region", { name: "Notices" })).toBeEmptyDOMElement();
    close();
  });

  it("has no violations axe can find, in list, detail and dialogs", async () => {
    const user = userEvent.setup();
    const { close } = open("/messages?id=2314");
    await screen.findByText("Why it was refused");
    expect(await violations()).toEqual([]);
    await user.keyboard("t");
    await screen.findByRole("dialog", { name: "Send test event" });
    await screen.findByRole("radio", { name: /Someone signs up/ });
    expect(await violations()).toEqual([]);
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await user.keyboard("?");
    await screen.findByRole("dialog", { name: "Shortcuts" });
    expect(await violations()).toEqual([]);
    close();
  }, 20_000);
});

describe("first run", () => {
  it("teaches, and sends a test event without Clerk", async () => {
    const user = userEvent.setup();
    const { close } = open("/messages", "empty");
    expect(await screen.findByText("Receive your first Clerk webhook")).toBeVisible();
    expect(await violations()).toEqual([]);
    await user.keyboard("t");
    const dialog = await screen.findByRole("dialog", { name: "Send test event" });
    expect(await within(dialog).findByText(/There is no endpoint yet/)).toBeVisible();
    const send = within(dialog).getByRole("button", { name: "Send" });
    await waitFor(() => expect(send).toBeEnabled());
    await user.keyboard("{Control>}{Enter}{/Control}");
    expect(await within(dialog).findByText("Accepted 200")).toBeVisible();
    expect(await within(dialog).findByRole("combobox", { name: "Endpoint" })).toHaveTextContent(
      "Clerk",
    );
    await user.click(within(dialog).getByRole("link", { name: "Open message" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(await screen.findByRole("heading", { name: "user.created" })).toBeVisible();
    close();
  });

  it("does not send what is not JSON", async () => {
    const user = userEvent.setup();
    const { close } = open("/messages");
    await list();
    await user.keyboard("t");
    const body = await screen.findByRole("textbox", { name: "Body of the event" });
    await waitFor(() => expect(body).not.toHaveValue(""));
    await user.type(body, "x");
    expect(await screen.findByText(/This is not JSON yet/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Send" })).toBeDisabled();
    close();
  });
});

describe("the window", () => {
  it("goes to sections by key and to anything by the palette", async () => {
    const user = userEvent.setup();
    const { router, close } = open("/messages");
    await list();
    await user.keyboard("{Control>}5{/Control}");
    await waitFor(() => expect(router.state.location.pathname).toBe("/settings"));
    await user.keyboard("{Control>}k{/Control}");
    const field = await screen.findByRole("combobox", { name: "Go to anything" });
    await waitFor(() => expect(field).toHaveFocus());
    expect(await violations()).toEqual([]);
    await user.type(field, "maya.okafor@");
    expect(await screen.findByRole("option", { name: /Maya Okafor/ })).toBeVisible();
    await user.keyboard("{Enter}");
    await waitFor(() => expect(router.state.location.pathname).toBe("/audience"));
    close();
  });

  it("keeps the environment in the address and switches it as a whole", async () => {
    const user = userEvent.setup();
    const { router, close } = open("/messages?id=2318");
    await user.click(await screen.findByRole("button", { name: "Environment: Development" }));
    await user.click(await screen.findByRole("menuitem", { name: /^Production/ }));
    await waitFor(() => expect(router.state.location.search).toEqual({ env: 2 }));
    expect(await screen.findByText(/Waiting for the first message/)).toBeVisible();
    await user.keyboard("{Control>}2{/Control}");
    await waitFor(() => expect(router.state.location.pathname).toBe("/audience"));
    expect(router.state.location.search).toEqual({ env: 2 });
    close();
  });

  it("says on every screen why nothing can be stored", async () => {
    const { close } = open("/audience", "disk");
    const banner = await screen.findByText(/No message is kept/);
    expect(banner.closest("[role=alert]")).toHaveTextContent(
      /since \d.*is full, so nothing can be stored\. Free some space on it\. Clerk's messages/,
    );
    expect(await violations()).toEqual([]);
    close();
  });

  it("says in red why it does not listen", async () => {
    const { close } = open("/messages", "down");
    expect(await screen.findByText(/Port 4870 is taken by node/)).toBeVisible();
    expect(screen.getByText("Not listening", { selector: "aside *" })).toBeVisible();
    close();
  });
});
