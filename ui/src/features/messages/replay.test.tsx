import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { newFake } from "../../ipc/fake";
import { descriptionOf, show, violations } from "../kit.test-env";
import { MessagesPage } from "./MessagesPage";

async function open(path: string, mode: "full" | "none" = "full") {
  const fake = newFake();
  const of = (topic: string, verbs: string) =>
    Object.fromEntries(
      verbs
        .split(" ")
        .map((verb) => [verb, (args: unknown) => fake.call(`${topic}.${verb}`, args) as never]),
    );
  return show(<MessagesPage />, path, {
    app: of("app", "status"),
    endpoints: of("endpoints", "list"),
    forwards: mode === "none" ? { list: () => [] } : of("forwards", "list"),
    messages: of("messages", "list count show explain replay save"),
  });
}

const all = () => screen.findByRole("button", { name: /^All .*found$/ });
const item = (name: RegExp) => screen.findByRole("menuitem", { name });
const dialog = (name: RegExp | string) => screen.findByRole("dialog", { name });
const radio = (name: string | RegExp) => screen.getByRole("radio", { name });
const confirm = () => screen.getByRole("button", { name: "Replay", hidden: false });

async function select(user: ReturnType<typeof userEvent.setup>) {
  const list = await screen.findByRole("listbox", { name: "Messages, newest first" });
  const rows = within(list).getAllByRole("option");
  await user.click(rows[0] ?? document.body);
  await user.keyboard("{Shift>}");
  await user.click(rows[2] ?? document.body);
  await user.keyboard("{/Shift}");
  return screen.findByRole("toolbar", { name: "Selected messages" });
}

describe("replaying with a choice", () => {
  it("sends one message to one forward, by key", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages?id=2318");
    await screen.findByRole("heading", { name: "user.updated" });
    await user.keyboard("{Shift>}R{/Shift}");
    await dialog("Replay this message");
    await screen.findByRole("radio", { name: /localhost:3000/ });
    const group = screen.getByRole("group", { name: "Where to" });
    const names = within(group)
      .getAllByRole("radio")
      .map((one) => one.parentElement?.querySelector("span")?.textContent);
    expect(names).toEqual([
      "Into Usher",
      "http://localhost:3000/api/webhooks",
      "http://localhost:8787/hooks/clerk",
      "All 2 forwards",
      "Both",
    ]);
    expect(radio("Into Usher")).toBeChecked();
    expect(radio("A new id")).toBeChecked();
    expect(descriptionOf(radio("A new id"))).toBe(
      "Not taken as a retry; the same content is still recognised.",
    );
    expect(descriptionOf(radio(/8787/))).toBe("Past the listener. It takes user.*.");
    expect(await violations()).toEqual([]);
    await user.click(radio(/8787/));
    await user.click(radio("The id it had"));
    await user.click(confirm());
    expect(await screen.findByText("1 message is on its way to the forwards.")).toBeVisible();
    expect(asked("messages.replay")).toEqual([
      { which: { ids: [2318] }, sameId: true, to: "forwards", forwardId: 2 },
    ]);
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("asks before a refused one is signed, also by key", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages?q=status%3Arefused");
    await screen.findByRole("listbox", { name: "Messages, newest first" });
    await user.keyboard("j");
    await screen.findByRole("heading", { name: "Why it was refused" });
    await user.keyboard("r");
    const over = await dialog("Replay this message");
    expect(within(over).getByText(/nobody knows who sent it/)).toBeVisible();
    expect(await violations()).toEqual([]);
    expect(asked("messages.replay")).toEqual([]);
    await user.click(within(over).getByRole("button", { name: "Sign and replay" }));
    expect(await screen.findByText(/1 message was sent again/)).toBeVisible();
    expect(asked("messages.replay")).toMatchObject([{ refused: true, to: "usher" }]);
  });

  it("sends a selection to both", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages");
    const bar = await select(user);
    await user.click(within(bar).getByRole("button", { name: "More for the selected" }));
    await user.click(await item(/^Replay…/));
    await dialog("Replay 3 messages");
    await user.click(await screen.findByRole("radio", { name: "Both" }));
    await user.click(confirm());
    expect(await screen.findByText("3 messages were sent again.")).toBeVisible();
    expect(asked("messages.replay")).toEqual([
      { which: { ids: [2318, 2317, 2316] }, sameId: false, to: "both" },
    ]);
  });

  it("sends all that a search finds to all forwards, and names the search", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages?q=status:refused");
    await user.click(await all());
    await user.click(await item(/^Replay…/));
    const over = await dialog(/^Replay 33\d messages$/);
    expect(within(over).getByText("status:refused")).toBeVisible();
    await user.click(await screen.findByRole("radio", { name: "All 2 forwards" }));
    await user.click(within(over).getByRole("checkbox", { name: /^Refused ones too/ }));
    await user.click(confirm());
    await screen.findByText(/on their way to the forwards/);
    expect(asked("messages.replay")).toEqual([
      {
        which: { environmentId: 1, query: "status:refused", zone: expect.any(String) },
        sameId: false,
        to: "forwards",
        refused: true,
      },
    ]);
  });

  it("says what is missing when nothing is forwarded", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages?id=2318", "none");
    await screen.findByRole("heading", { name: "user.updated" });
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(await item(/^Replay…/));
    const none = await screen.findByRole("radio", { name: "To a forward" });
    expect(none).toBeDisabled();
    expect(descriptionOf(none)).toMatch(/^None is on\. Add one/);
    await user.keyboard("{Escape}");
    expect(asked("messages.replay")).toEqual([]);
  });
});

describe("saving as a file", () => {
  it("tells where it is, and gives the path", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages");
    const bar = await select(user);
    await user.click(within(bar).getByRole("button", { name: "More for the selected" }));
    await user.click(await item(/^Save as HAR/));
    expect(await screen.findByText("Saved 3 messages as HAR.")).toBeVisible();
    expect(screen.getByText("~/Downloads/usher-messages-2026-11-28T1412.har")).toBeVisible();
    expect(asked("messages.save")).toEqual([
      { which: { ids: [2318, 2317, 2316] }, format: "har", redacted: false },
    ]);
    await user.click(screen.getByRole("button", { name: "Copy path" }));
    await screen.findByText("Path copied.");
    expect(await navigator.clipboard.readText()).toBe(
      "/home/maya/Downloads/usher-messages-2026-11-28T1412.har",
    );
  });

  it("says when they are too many", async () => {
    const user = userEvent.setup();
    await open("/messages?q=type:user.*");
    await user.click(await all());
    await user.click(await item(/^Save as HAR/));
    expect(await screen.findByText("Could not save.")).toBeVisible();
    expect(screen.getByText(/at most 1000 are taken at once/)).toBeVisible();
  });
});
