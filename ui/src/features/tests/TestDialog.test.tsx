import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import type { Played } from "../../ipc/gen/Played";
import type { SampleRow } from "../../ipc/gen/SampleRow";
import type { SendTest } from "../../ipc/gen/SendTest";
import { nameOf } from "../../parts/SaveFixture";
import { descriptionOf, refuse, show, violations } from "../kit.test-env";
import { TestDialog } from "./TestDialog";

vi.mock("../../parts/CodeMirror", () => ({
  default: (props: { value: string; label: string; onChange: (value: string) => void }) => (
    <textarea
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    />
  ),
}));

function sample(name: string, group: SampleRow["group"], rest: Partial<SampleRow> = {}): SampleRow {
  return {
    name,
    type: name.split(":")[0] ?? name,
    title: `Title of ${name}`,
    tests: `Tests ${name}.`,
    group,
    flaw: null,
    ...rest,
  };
}

const SAMPLES = [
  sample("session.created", "clerk"),
  sample("user.created", "people"),
  sample("user.updated", "people"),
  sample("user.created:no_email", "awkward"),
  sample("user.created:wrong_secret", "flawed", { flaw: "wrong_secret" }),
  sample("own:mine", "own", { type: "user.created" }),
];

const ENDPOINT = {
  id: 4,
  environmentId: 1,
  environment: "Development",
  name: "Clerk",
  token: "ep_1",
  path: "/in/ep_1",
  url: "http://127.0.0.1:4870/in/ep_1",
  state: "receiving" as const,
  paused: false,
  secrets: 1,
  enabledEvents: [],
  lastMessageAt: null,
  messages24h: 0,
  refused24h: 0,
};

function engine() {
  let rows = SAMPLES;
  let sent = 0;
  return {
    catalogue: () => rows,
    make: ({ type, person }: { type: string; person?: number }) => ({
      body: JSON.stringify({ type }),
      person: person ?? 7,
      flaw: rows.find((row) => row.name === type)?.flaw ?? null,
    }),
    send: ({ flaw, svixId }: SendTest) => {
      sent += 1;
      return {
        status: flaw === undefined ? 200 : 400,
        answer: flaw === undefined ? "Stored and processed." : "The signature does not fit.",
        messageId: 90 + sent,
        svixId: svixId ?? `msg_${sent}`,
        tookMs: 4,
      };
    },
    save: ({ name, title }: { name: string; title?: string }) => {
      const row = sample(`own:${name}`, "own", { title: title ?? name, type: "user.created" });
      rows = [...rows.filter((one) => one.name !== row.name), row];
      return row;
    },
    forget: ({ name }: { name: string }) => {
      rows = rows.filter((row) => row.name !== `own:${name}`);
      return {};
    },
    scenarios: () => [
      { name: "waitlist", title: "Waitlist to user", tests: "One contact.", messages: 4 },
      { name: "order", title: "Out of order", tests: "The newest wins.", messages: 5 },
    ],
    play: (): Played | Promise<Played> => ({
      sent: 5,
      refused: 0,
      surprises: 0,
      sentence: "5 messages were sent and all were accepted.",
      messageIds: [91, 92],
    }),
  };
}

/** The dialog over a screen that has something to focus. */
function Screen({ id }: { id: number | undefined }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div role="listbox" tabIndex={0} aria-label="Messages">
        <div role="option" tabIndex={-1} aria-selected="false">
          A message
        </div>
      </div>
      <input aria-label="Elsewhere" onKeyUp={(event) => event.key === "F2" && setOpen(true)} />
      <button type="button" onClick={() => setOpen(true)}>
        Open
      </button>
      {open && <TestDialog endpointId={id} onClose={() => setOpen(false)} />}
    </>
  );
}

async function open(tests = engine(), endpoints = [ENDPOINT]) {
  const shown = await show(<Screen id={undefined} />, "/messages", {
    endpoints: { list: () => endpoints },
    tests,
  });
  await userEvent.click(await screen.findByRole("button", { name: "Open" }));
  await screen.findByRole("radio", { name: /Title of user.updated/ });
  await waitFor(() => expect(screen.getByRole("button", { name: "Send" })).toBeEnabled());
  return shown;
}

const send = () => userEvent.keyboard("{Control>}{Enter}{/Control}");
const filter = () => screen.getByRole("textbox", { name: "Filter the catalogue" });

describe("the catalogue", () => {
  it("stands in groups, in order, and axe is content", async () => {
    await open();
    const groups = screen
      .getAllByRole("group")
      .map((group) => group.querySelector(":scope > legend")?.textContent);
    expect(groups).toEqual([
      "Event",
      "People",
      "Awkward",
      "Refused on purpose",
      "All of Clerk's",
      "Yours",
    ]);
    expect(await violations()).toEqual([]);
  });

  it("is filtered as one types, from the start, and chosen by keyboard", async () => {
    const { asked } = await open();
    await waitFor(() => expect(filter()).toHaveFocus());
    await userEvent.keyboard("created no_em");
    expect(screen.getAllByRole("radio")).toHaveLength(1);
    screen.getByText("1 sample");
    await userEvent.keyboard("{Enter}");
    expect(screen.getByRole("radio")).toBeChecked();
    await screen.findByText("Tests user.created:no_email.");
    expect(asked("tests.make").at(-1)).toMatchObject({ type: "user.created:no_email" });
    await userEvent.keyboard("zzz");
    screen.getByText(/Nothing fits/);
    await userEvent.keyboard("{Escape}");
    expect(screen.getAllByRole("radio")).toHaveLength(SAMPLES.length);
    expect(screen.getByRole("dialog")).toBeVisible();
    await userEvent.keyboard("{ArrowDown}");
    expect(screen.getByRole("radio", { name: /no_email/ })).toHaveFocus();
  });

  it("says how a flawed one is refused, and sends the flaw", async () => {
    const { asked } = await open();
    await userEvent.click(screen.getByRole("radio", { name: /wrong_secret/ }));
    await screen.findByText(/signed with a secret that no endpoint has/);
    await send();
    await screen.findByText("Refused 400");
    screen.getByText(/As it should be. The signature does not fit/);
    expect(asked("tests.send")).toEqual([
      { endpointId: 4, body: '{"type":"user.created:wrong_secret"}', flaw: "wrong_secret" },
    ]);
    await userEvent.click(screen.getByRole("radio", { name: /user.updated/ }));
    await waitFor(() => expect(screen.queryByText(/Will be refused/)).toBeNull());
    await send();
    await screen.findByText("Accepted 200");
    expect(asked("tests.send")[1]).toEqual({ endpointId: 4, body: '{"type":"user.updated"}' });
  });
});

describe("the overrides", () => {
  it("sends under the id of last time", async () => {
    const { asked } = await open();
    await send();
    await screen.findByText("Accepted 200");
    const last = (await screen.findByText(/^msg_/)).textContent;
    await userEvent.click(screen.getByRole("checkbox", { name: /^Send under the same svix-id/ }));
    await send();
    await waitFor(() => expect(asked("tests.send")).toHaveLength(2));
    expect(asked("tests.send")[1]).toMatchObject({ svixId: last });
    await screen.findByText("Accepted 200");
    expect(screen.getByText(/^msg_/)).toHaveTextContent(last ?? "");
  });

  it("saves the body as a fixture and chooses it", async () => {
    const { asked } = await open();
    await userEvent.click(screen.getByRole("button", { name: "Save as fixture…" }));
    const name = await screen.findByLabelText("Name of the fixture");
    await waitFor(() => expect(name).toHaveFocus());
    await userEvent.keyboard("signup{Tab}My sign-up{Enter}");
    const made = await screen.findByRole("radio", { name: /My sign-up/ });
    await waitFor(() => expect(made).toBeChecked());
    await waitFor(() =>
      expect(screen.getByRole("button", { name: "Save as fixture…" })).toHaveFocus(),
    );
    expect(asked("tests.save")).toEqual([
      { name: "signup", title: "My sign-up", body: '{"type":"user.created"}' },
    ]);
  });

  it("makes a name of a title", async () => {
    const { asked } = await open();
    const scroll = vi.spyOn(Element.prototype, "scrollIntoView");
    await userEvent.click(screen.getByRole("button", { name: "Save as fixture…" }));
    const name = await screen.findByLabelText("Name of the fixture");
    await userEvent.type(name, " My ada");
    expect(descriptionOf(name)).toBe("Saved as my-ada.");
    scroll.mockClear();
    await userEvent.keyboard("{Enter}");
    const made = await screen.findByRole("radio", { name: /My ada/ });
    await waitFor(() => expect(made).toBeChecked());
    expect(asked("tests.save")[0]).toMatchObject({ name: "my-ada", title: "My ada" });
    expect(scroll.mock.instances).toContain(made.closest("label"));
    expect(nameOf("Jürgen’s 2nd  e-mail.")).toBe("jurgen-s-2nd-e-mail");
    expect(nameOf("Keep_As.It-is")).toBe("Keep_As.It-is");
  });

  it("says at the name why a fixture is not saved; Esc closes only the form", async () => {
    await open({
      ...engine(),
      save: () => refuse("invalid", "Only letters, digits, -, _ and ."),
    });
    await userEvent.click(screen.getByRole("button", { name: "Save as fixture…" }));
    const name = await screen.findByLabelText("Name of the fixture");
    await userEvent.type(name, "a{Enter}");
    await waitFor(() => expect(descriptionOf(name)).toBe("Only letters, digits, -, _ and ."));
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByLabelText("Name of the fixture")).toBeNull();
    expect(screen.getByRole("dialog")).toBeVisible();
  });

  it("offers to replace the fixture that was chosen, and says so", async () => {
    const { asked } = await open();
    await userEvent.click(screen.getByRole("radio", { name: /Title of own:mine/ }));
    await userEvent.click(screen.getByRole("button", { name: "Save as fixture…" }));
    const name = await screen.findByLabelText("Name of the fixture");
    expect(name).toHaveValue("mine");
    expect(descriptionOf(name)).toBe("There is one; it is replaced.");
    await userEvent.click(screen.getByRole("button", { name: "Replace" }));
    await waitFor(() => expect(asked("tests.save")).toHaveLength(1));
    expect(asked("tests.save")[0]).toMatchObject({ name: "mine", title: "Title of own:mine" });
  });

  it("forgets only what is one's own, after asking", async () => {
    const { asked } = await open();
    expect(screen.queryByRole("button", { name: "Forget…" })).toBeNull();
    await userEvent.click(screen.getByRole("radio", { name: /Title of own:mine/ }));
    await userEvent.click(await screen.findByRole("button", { name: "Forget…" }));
    const sure = await screen.findByRole("button", { name: "Forget fixture" });
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    expect(asked("tests.send")).toEqual([]);
    await userEvent.click(sure);
    await waitFor(() =>
      expect(screen.queryByRole("radio", { name: /Title of own:mine/ })).toBeNull(),
    );
    expect(asked("tests.forget")).toEqual([{ name: "mine" }]);
    expect(screen.getByRole("radio", { name: "user.created Title of user.created" })).toBeChecked();
  });
});

describe("scenarios", () => {
  it("are played at the pace chosen, show progress, and link to their messages", async () => {
    const tests = engine();
    let finish = (_: Played) => {};
    tests.play = () =>
      new Promise<Played>((resolve) => {
        finish = resolve;
      });
    const { asked, search } = await open(tests);
    await userEvent.click(screen.getByRole("tab", { name: "Scenarios" }));
    await userEvent.click(await screen.findByRole("radio", { name: /Out of order 5 messages/ }));
    expect(await violations()).toEqual([]);
    await userEvent.click(screen.getByRole("combobox", { name: "Pace" }));
    await userEvent.click(await screen.findByRole("option", { name: /At once/ }));
    await send();
    await screen.findByRole("progressbar", { name: "Playing the scenario" });
    screen.getByText("Sending 5 messages…");
    expect(screen.getByRole("button", { name: "Play" })).toBeDisabled();
    expect(asked("tests.play")).toEqual([{ endpointId: 4, name: "order", pace: "at_once" }]);
    expect(asked("tests.send")).toEqual([]);
    await act(async () => finish(engine().play() as Played));
    await screen.findByText("5 messages were sent and all were accepted.");
    screen.getByText("As expected");
    expect(screen.queryByRole("progressbar")).toBeNull();
    await userEvent.click(screen.getByRole("link", { name: "Show messages" }));
    await waitFor(() => expect(search()).toMatchObject({ q: "id:91 OR id:92", id: 92 }));
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("say in place why they were not played", async () => {
    await open({ ...engine(), play: () => refuse("unavailable", "The listener is not running.") });
    await userEvent.click(screen.getByRole("tab", { name: "Scenarios" }));
    await screen.findByRole("radio", { name: /Waitlist to user/ });
    await send();
    await screen.findByText("The listener is not running.");
  });
});

describe("the focus after closing", () => {
  it("goes back to where it was", async () => {
    await open();
    const list = screen.getByRole("listbox", { hidden: true });
    await userEvent.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await waitFor(() => expect(screen.getByRole("button", { name: "Open" })).toHaveFocus());
    const field = screen.getByRole("textbox", { name: "Elsewhere" });
    field.focus();
    await userEvent.keyboard("{F2}");
    await screen.findByRole("dialog");
    await waitFor(() => expect(filter()).toHaveFocus());
    await userEvent.keyboard("{Escape}");
    await waitFor(() => expect(field).toHaveFocus());
    expect(list).not.toHaveFocus();
  });

  it("goes to the list when it was nowhere", async () => {
    await show(<Screen id={undefined} />, "/messages", {
      endpoints: { list: () => [ENDPOINT] },
      tests: engine(),
    });
    const button = await screen.findByRole("button", { name: "Open" });
    expect(document.body).toHaveFocus();
    act(() => button.click());
    await screen.findByRole("dialog");
    await waitFor(() => expect(filter()).toHaveFocus());
    await userEvent.keyboard("{Escape}");
    await waitFor(() => expect(screen.getByRole("listbox")).toHaveFocus());
  });
});
