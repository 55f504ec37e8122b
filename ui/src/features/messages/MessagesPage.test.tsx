import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { newFake } from "../../ipc/fake";
import type { ListMessages } from "../../ipc/gen/ListMessages";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { Page } from "../../ipc/gen/Page";
import type { WhichMessages } from "../../ipc/gen/WhichMessages";
import { show, violations } from "../kit.test-env";
import { MessagesPage } from "./MessagesPage";

vi.mock("../../parts/CodeMirror", () => ({
  default: (props: { value: string; label: string; onChange: (value: string) => void }) => (
    <textarea
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    />
  ),
}));

type Replies = Parameters<typeof show>[2];

async function open(path: string, more: NonNullable<Replies["messages"]> = {}) {
  const fake = newFake();
  const ask = (name: string) => (args: unknown) => fake.call(name, args) as never;
  const of = (topic: string, verbs: readonly string[]) =>
    Object.fromEntries(verbs.map((verb) => [verb, ask(`${topic}.${verb}`)]));
  const verbs = "list count show explain previous verify replay pin copy".split(" ");
  const view = await show(<MessagesPage />, path, {
    app: of("app", ["status"]),
    endpoints: of("endpoints", ["list"]),
    tests: of("tests", ["send", "catalogue", "save"]),
    messages: { ...of("messages", verbs), ...more },
  });
  return { ...view, fake };
}

const rows = async () =>
  within(await screen.findByRole("listbox", { name: "Messages, newest first" })).getAllByRole(
    "option",
  );
const box = () => screen.getByRole("combobox", { name: "Search messages" });
const offers = () => screen.findByRole("listbox", { name: "What can be searched for" });

describe("search", () => {
  it("offers fields and values, and takes one with Tab or Enter", async () => {
    const user = userEvent.setup();
    const { search } = await open("/messages");
    await rows();
    await user.keyboard("/st");
    await offers();
    expect(box()).toHaveAttribute("aria-expanded", "true");
    await waitFor(() => expect(screen.getAllByRole("option", { name: /^st/ })).toHaveLength(1));
    await user.keyboard("{Tab}");
    expect(box()).toHaveValue("status:");
    await user.keyboard("re");
    const refused = await screen.findByRole("option", { name: "status:refused" });
    await user.keyboard("{ArrowDown}");
    expect(refused).toHaveAttribute("aria-selected", "true");
    expect(box()).toHaveAttribute("aria-activedescendant", refused.id);
    await user.keyboard("{Enter}");
    expect(box()).toHaveValue("");
    expect(screen.getByRole("button", { name: "Remove status:refused" })).toBeVisible();
    await waitFor(() => expect(search()).toEqual({ q: "status:refused" }));
    expect(await violations()).toEqual([]);
  });

  it("makes chips of what is finished, and takes them away by key and mouse", async () => {
    const user = userEvent.setup();
    const { search, asked } = await open("/messages?q=maya%20-type:session.*%20is:test");
    await rows().catch(() => undefined);
    expect(box()).toHaveValue("maya");
    expect(screen.getByText("not")).toBeVisible();
    expect(asked("messages.list").at(-1)).toMatchObject({
      query: "maya -type:session.* is:test",
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    await user.click(box());
    await user.keyboard("{Home}{Backspace}");
    await waitFor(() => expect(search()).toEqual({ q: "-type:session.* maya" }));
    await user.click(screen.getByRole("button", { name: "Remove not type:session.*" }));
    await waitFor(() => expect(search()).toEqual({ q: "maya" }));
    await user.keyboard("{End} type:user.* ");
    expect(screen.getByRole("button", { name: "Remove type:user.*" })).toBeVisible();
    expect(box()).toHaveValue("maya ");
  });

  it("leaves a search with OR as it is written", async () => {
    await open("/messages?q=type:user.*%20OR%20is:test");
    expect(box()).toHaveValue("type:user.* OR is:test");
  });

  it("closes the offers with Esc before it clears", async () => {
    const user = userEvent.setup();
    await open("/messages");
    await rows();
    await user.keyboard("/ty");
    await offers();
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("listbox", { name: "What can be searched for" })).toBeNull();
    expect(box()).toHaveValue("ty");
    await user.keyboard("{Escape}");
    expect(box()).toHaveValue("");
    expect(box()).toHaveFocus();
  });

  it("says what is wrong with a search, and keeps the last good one in view", async () => {
    const user = userEvent.setup();
    await open("/messages?q=status:refused");
    const before = (await rows()).length;
    await user.click(box());
    await user.keyboard("tpye:x ");
    expect(await screen.findByText("There is no field tpye:. Did you mean type:?")).toBeVisible();
    expect(await screen.findByText("tpye:x", { selector: "p code" })).toBeVisible();
    expect(box()).toBeInvalid();
    expect(await rows()).toHaveLength(before);
    expect((await rows())[0]).toHaveTextContent("Wrong secret");
    expect(await violations()).toEqual([]);
  });

  it("follows from the newest again once the search is another one, the open message still open", async () => {
    // Newer browsers answer with a promise.
    vi.spyOn(Element.prototype, "scrollTo").mockImplementation(() => Promise.resolve() as never);
    const { fake, client, navigate, search } = await open("/messages?id=2318");
    await rows();
    await navigate({ id: 2318, q: "status:refused" });
    await waitFor(async () => expect((await rows())[0]).toHaveTextContent("Wrong secret"));
    fake.arrive(60);
    await client.invalidateQueries({ queryKey: ["messages"], refetchType: "none" });
    await navigate({ id: 2318 });
    await waitFor(async () => expect((await rows())[0]).not.toHaveTextContent("Wrong secret"));
    await waitFor(() => expect(client.isFetching()).toBe(0));
    expect(screen.getByText("Live")).toBeVisible();
    expect(screen.queryByText(/ new$/)).toBeNull();
    expect(search().id).toBe(2318);
    expect(await screen.findByRole("heading", { name: "user.updated" })).toBeVisible();

    const scroller = (await rows())[0]?.parentElement?.parentElement as HTMLElement;
    scroller.scrollTop = 900;
    fireEvent.scroll(scroller);
    expect(await screen.findByRole("button", { name: "Paused" })).toBeVisible();
    await navigate({ id: 2318, q: "type:user.*" });
    expect(await screen.findByText("Live")).toBeVisible();
    await navigate({ id: 2318 });
    await rows();
    expect(screen.getByText("Live")).toBeVisible();
    await userEvent.keyboard("j");
    await waitFor(() => expect(search().id).toBe(2317));
  });

  it("waits until a word is finished before it says what is wrong with it", async () => {
    const user = userEvent.setup();
    const { search } = await open("/messages");
    await rows();
    await user.keyboard("/is:re");
    await screen.findByRole("option", { name: "is:refused" });
    await waitFor(() => expect(search().q).toBe("is:re"), { timeout: 3000 });
    await new Promise((done) => setTimeout(done, 300));
    expect(screen.queryByText(/does not take "re"/)).toBeNull();
    await user.keyboard("{Escape}");
    expect(await screen.findByText(/does not take "re"/)).toBeVisible();
    expect(screen.getByText("The list still shows your last working search.")).toBeVisible();
  });

  it("goes on through pages that are not full until the screen is", async () => {
    const fake = newFake();
    let pages = 0;
    await open("/messages?q=maya", {
      list: async (args: ListMessages) => {
        const page = (await fake.call("messages.list", { ...args, query: "", limit: 3 })) as never;
        if (args.cursor === undefined) return { rows: [], next: "2318" };
        pages += 1;
        return pages % 2 === 1 ? { rows: [], next: String(Number(args.cursor) - 1) } : page;
      },
    });
    expect(await screen.findByText("Searching further back…")).toBeVisible();
    await waitFor(async () => expect((await rows()).length).toBeGreaterThan(12));
    await waitFor(() => expect(screen.queryByText("Searching further back…")).toBeNull());
    const shown = (await rows()).length;
    expect(pages).toBeLessThan(shown * 2);
  });

  it("begins at the top of what is found, however far down the list was", async () => {
    const user = userEvent.setup();
    await open("/messages");
    await rows();
    const list = () => screen.getByRole("listbox", { name: /^Messages/ });
    const first = () => within(list()).getAllByRole("option")[0];
    const scroller = list().parentElement;
    if (scroller === null) throw new Error("a list stands in what scrolls it");
    scroller.scrollTop = 2_000;
    act(() => void scroller.dispatchEvent(new Event("scroll")));
    await waitFor(() => expect(first()).not.toHaveAttribute("aria-posinset", "1"));
    await user.click(box());
    await user.keyboard("status:refused ");
    await waitFor(() => expect(first()).toHaveAttribute("aria-posinset", "1"));
    expect(list().parentElement?.scrollTop).toBe(0);
  });

  it("stops at the end, and says what can be searched", async () => {
    await open("/messages?q=zzz", {
      list: ({ cursor }: ListMessages) => ({
        rows: [],
        next: cursor === undefined ? "9" : cursor === "9" ? "5" : null,
      }),
    });
    expect(await screen.findByText("Nothing found")).toBeVisible();
    expect(screen.getByText(/fields such as/)).toBeVisible();
  });

  it("teaches with examples that can be pressed", async () => {
    const user = userEvent.setup();
    const { search } = await open("/messages");
    await rows();
    await user.click(screen.getByRole("button", { name: "How to search" }));
    await user.click(await screen.findByRole("button", { name: /^is:pinned/ }));
    await waitFor(() => expect(search()).toEqual({ q: "is:pinned" }));
    expect(screen.getByRole("button", { name: "Remove is:pinned" })).toBeVisible();
  });

  it("acts on all that is found, naming how many", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages?q=status:refused");
    await user.click(await screen.findByRole("button", { name: /^All 33\d found$/ }));
    await user.click(await screen.findByRole("menuitem", { name: /^Verify again/ }));
    const dialog = await screen.findByRole("dialog", { name: /^Verify 33\d messages again\?$/ });
    await user.click(within(dialog).getByRole("button", { name: "Verify again" }));
    await screen.findByText(/It verifies now/);
    expect(asked("messages.verify")).toEqual([
      { environmentId: 1, query: "status:refused", zone: expect.any(String) },
    ]);
  });
});

it("lets go of what was cleared, and goes on following", async () => {
  const user = userEvent.setup();
  const fake = newFake();
  const gone = new Set<number>();
  const told = { again: async () => {} };
  const { search, client } = await open("/messages", {
    list: async (args) => {
      const page = (await fake.call("messages.list", args)) as Page<MessageRow>;
      return { ...page, rows: page.rows.filter((row) => !gone.has(row.id)) };
    },
    remove: async (args) => {
      const ids = (args as WhichMessages).ids ?? [];
      for (const id of ids) gone.add(id);
      await told.again();
      return { count: ids.length, undo: 1 };
    },
  });
  // The engine announces the change before it answers.
  told.again = () => client.invalidateQueries({ queryKey: ["messages"] });
  const [first] = await rows();
  await user.click(first ?? document.body);
  await user.keyboard("{Shift>}{ArrowDown}{/Shift}");
  await user.click(await screen.findByRole("button", { name: "More for the selected" }));
  await user.click(await screen.findByRole("menuitem", { name: /^Clear/ }));
  await screen.findByText("2 messages cleared.");
  await waitFor(() => expect(first).not.toBeInTheDocument());
  expect(gone.size).toBe(2);
  expect(screen.queryByText("2 selected")).toBeNull();
  expect(search().id).toBeUndefined();
  expect(screen.getByText("Live")).toBeVisible();
  expect(screen.getByRole("listbox", { name: "Messages, newest first" })).toHaveFocus();
});

describe("one message", () => {
  const path = "/messages?id=2318";
  const ready = () => screen.findByRole("heading", { name: "user.updated" });

  it("is replayed and pinned by key, but not while somebody types", async () => {
    const user = userEvent.setup();
    const { asked, search } = await open(path);
    await ready();
    await user.keyboard("/rpc");
    expect(asked("messages.replay")).toEqual([]);
    await user.keyboard("{Escape}{Escape}");
    expect(box()).not.toHaveFocus();
    await user.keyboard("p");
    expect(await screen.findByText(/Pinned\. Clearing/)).toBeVisible();
    expect(asked("messages.pin")).toEqual([{ which: { ids: [2318] }, pinned: true }]);
    expect(await screen.findByText("Pinned", { selector: "header *" })).toBeVisible();
    expect((await rows())[0]).toHaveTextContent("Pinned");
    await user.keyboard("r");
    await user.click(await screen.findByRole("button", { name: "Open message" }));
    expect(asked("messages.replay")).toEqual([{ which: { ids: [2318] }, sameId: false }]);
    const link = await screen.findByRole("link", { name: "replay of message 2318" });
    await user.click(link);
    await waitFor(() => expect(search().id).toBe(2318));
  });

  it("is copied in every form, and redacted", async () => {
    const user = userEvent.setup();
    const { asked } = await open(path);
    await ready();
    await user.keyboard("{Control>}{Shift>}c{/Shift}{/Control}");
    expect(await screen.findByText("Copied as cURL.")).toBeVisible();
    expect(await navigator.clipboard.readText()).toBe("curl of 2318");
    await user.click(screen.getByRole("button", { name: "More" }));
    await screen.findByRole("menuitem", { name: /^Copy as fetch/ });
    expect(await violations()).toEqual([]);
    await user.click(screen.getByRole("menuitem", { name: /^Copy redacted/ }));
    expect(await screen.findByText("Copied as JSON, redacted.")).toBeVisible();
    expect(asked("messages.copy")).toEqual([
      { which: { ids: [2318] }, format: "curl", redacted: false },
      { which: { ids: [2318] }, format: "json", redacted: true },
    ]);
  });

  it("is edited, checked and sent again", async () => {
    const user = userEvent.setup();
    const { asked } = await open(path);
    await ready();
    await user.click(screen.getByRole("button", { name: "Edit and resend" }));
    const dialog = await screen.findByRole("dialog", { name: "Edit and resend" });
    const write = async (value: string) =>
      fireEvent.change(
        await within(dialog).findByRole("textbox", { name: "Body of the message" }),
        { target: { value } },
      );
    await write('{\n  "type": "user.created",,\n}');
    expect(await within(dialog).findByText(/line 2, column 26/)).toBeVisible();
    expect(within(dialog).getByRole("button", { name: "Send" })).toBeDisabled();
    await write('{"type": "user.created"}');
    await waitFor(() => expect(within(dialog).getByRole("button", { name: "Send" })).toBeEnabled());
    await user.keyboard("{Control>}{Enter}{/Control}");
    expect(await within(dialog).findByText("Accepted 200")).toBeVisible();
    expect(asked("tests.send")).toEqual([
      { endpointId: 1, body: '{"type": "user.created"}', originId: 2318 },
    ]);
    expect(within(dialog).getByRole("link", { name: "Open message" })).toBeVisible();
    expect(within(dialog).queryByRole("checkbox")).toBeNull();
  });

  it("is made the newest when it is sent again, and says what became of it", async () => {
    const user = userEvent.setup();
    const sentence = "Of 2026-11-28 16:53:13 UTC, the same time as what is known; that stays.";
    const known = newFake();
    const { asked } = await open(path, {
      show: async ({ id }) => {
        const shown = (await known.call("messages.show", { id: 2318 })) as MessageDetail;
        return id === 2318 ? shown : { ...shown, id, outcome: "stale", sentence };
      },
    });
    await ready();
    await user.click(screen.getByRole("button", { name: "Edit and resend" }));
    const dialog = await screen.findByRole("dialog", { name: "Edit and resend" });
    const write = async (value: string) =>
      fireEvent.change(
        await within(dialog).findByRole("textbox", { name: "Body of the message" }),
        { target: { value } },
      );
    const body = '{\n  "data": {\n    "updated_at": 1,\n    "n": 12345678901234567890\n  }\n}';
    await write(body);
    const newest = within(dialog).getByRole("checkbox", { name: /^Make it the newest/ });
    expect(newest).toBeChecked();
    const before = Date.now();
    await user.keyboard("{Control>}{Enter}{/Control}");
    expect(await within(dialog).findByText("Stale")).toBeVisible();
    const [sent] = asked("tests.send") as { body: string }[];
    const at = Number(/"updated_at": (\d+)/.exec(sent?.body ?? "")?.[1]);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(sent?.body).toBe(body.replace("1,", `${at},`));
    await user.click(newest);
    await user.click(within(dialog).getByRole("button", { name: "Send" }));
    await waitFor(() => expect(asked("tests.send")).toHaveLength(2));
    expect(asked("tests.send")[1]).toMatchObject({ body });
    expect(await violations()).toEqual([]);
  });

  it("is kept as a fixture", async () => {
    const user = userEvent.setup();
    const { asked } = await open(path);
    await ready();
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(await screen.findByRole("menuitem", { name: "Save as fixture…" }));
    const dialog = await screen.findByRole("dialog", { name: "Save as fixture" });
    await user.type(within(dialog).getByLabelText("Name of the fixture"), "My ada");
    expect(await violations()).toEqual([]);
    await user.click(within(dialog).getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(asked("tests.save")).toEqual([{ name: "my-ada", title: "My ada", messageId: 2318 }]);
  });

  it("says what to do next when it was refused, and when its header says it was signed", async () => {
    const user = userEvent.setup();
    await open(path, {
      show: async (args) => {
        const shown = (await newFake().call("messages.show", args)) as MessageDetail;
        const verification = { ...shown.verification, verified: false, ageS: null };
        return { ...shown, outcome: "refused", reason: "wrong_secret", verification };
      },
    });
    await ready();
    expect(
      await screen.findByText(/Once the right secret is here, press Verify again\.$/),
    ).toBeVisible();
    await user.click(screen.getByRole("tab", { name: "Verification" }));
    const signed = (await screen.findByText("Signed")).nextElementSibling;
    expect(signed).toHaveTextContent(/^Says .*\d\d:\d\d:\d\d, not proven$/);
  });

  it("is compared with the one before, noise folded and editable", async () => {
    const user = userEvent.setup();
    await open(path);
    await ready();
    await user.keyboard("c");
    const dialog = await screen.findByRole("dialog", { name: "Compare two messages" });
    const table = await within(dialog).findByRole("table", { name: "Differences" });
    expect(within(table).getByRole("rowheader", { name: "data.last_name" })).toBeVisible();
    expect(within(table).queryByText(/updated_at/)).toBeNull();
    expect(within(table).getAllByText(/^\d+ \w+ \d\d:\d\d:\d\d$/).length).toBeGreaterThan(1);
    await user.click(within(dialog).getByRole("button", { name: "2 noisy fields" }));
    const noise = within(dialog).getByRole("textbox", { name: "Fields that are noise" });
    await user.clear(noise);
    await user.type(noise, "last_name{Enter}");
    expect(await within(dialog).findByRole("button", { name: "1 noisy field" })).toBeVisible();
    expect(within(table).getByText("data.updated_at")).toBeVisible();
    expect(localStorage.getItem("usher.compare.noise")).toBe("last_name");
    expect(await violations()).toEqual([]);
  });

  it("says when there is none before it", async () => {
    const user = userEvent.setup();
    await open(path, { previous: () => ({ id: null }) });
    await ready();
    await user.keyboard("c");
    expect(await screen.findByText(/no earlier message about the same object/)).toBeVisible();
  });
});

describe("several messages", () => {
  it("are selected by mouse and acted on together", async () => {
    const user = userEvent.setup();
    const { asked } = await open("/messages");
    const all = await rows();
    await user.click(all[0] ?? document.body);
    await user.keyboard("{Shift>}");
    await user.click(all[2] ?? document.body);
    await user.keyboard("{/Shift}{Control>}");
    await user.click(all[4] ?? document.body);
    await user.keyboard("{/Control}");
    const bar = await screen.findByRole("toolbar", { name: "Selected messages" });
    expect(within(bar).getByRole("status")).toHaveTextContent("4 selected");
    const chosen = (await rows()).filter((row) => row.getAttribute("aria-selected") === "true");
    expect(chosen).toHaveLength(4);
    expect(await violations()).toEqual([]);
    await user.click(within(bar).getByRole("button", { name: "Replay" }));
    await screen.findByText("3 messages were sent again.");
    expect(asked("messages.replay")).toEqual([
      { which: { ids: [2318, 2317, 2316, 2314] }, sameId: false },
    ]);
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("toolbar")).toBeNull();
  });

  it("are selected by key, and two are compared", async () => {
    const user = userEvent.setup();
    await open("/messages");
    await rows();
    await user.keyboard("j{Shift>}{ArrowDown}{ArrowDown}{ArrowUp}{/Shift}");
    const bar = await screen.findByRole("toolbar", { name: "Selected messages" });
    expect(within(bar).getByRole("status")).toHaveTextContent("2 selected");
    await user.click(within(bar).getByRole("button", { name: "Compare" }));
    expect(await screen.findByRole("dialog", { name: "Compare two messages" })).toBeVisible();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await user.keyboard("j");
    await waitFor(() => expect(screen.queryByRole("toolbar")).toBeNull());
  });
});
