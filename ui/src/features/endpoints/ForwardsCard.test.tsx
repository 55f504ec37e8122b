import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ForwardRow } from "../../ipc/gen/ForwardRow";
import { descriptionOf, isOn, refuse, show, violations } from "../kit.test-env";
import { DETAIL } from "./endpoint.fixture";
import { ForwardsCard } from "./ForwardsCard";
import { forwardState, forwardTraits, readTypes, urlProblem } from "./forwards";

const FORWARD: ForwardRow = {
  id: 3,
  endpointId: 4,
  url: "http://localhost:3000/api/webhooks",
  types: [],
  headers: [],
  signature: "original",
  secretHint: null,
  retries: "svix",
  allowPublic: false,
  enabled: true,
  createdAt: Date.UTC(2026, 10, 20),
  waiting: 0,
  failed: 0,
  done: 12,
  lastAt: Date.now() - 31_000,
  lastStatus: 200,
  lastProblem: null,
};

/** An engine with these forwards in it. */
function engine(start: ForwardRow[]) {
  let rows = start;
  return {
    list: () => rows,
    add: () => {
      rows = [...rows, { ...FORWARD, id: 9 }];
      return { ...FORWARD, id: 9 };
    },
    update: (args: { id: number; enabled?: boolean }) => {
      rows = rows.map((one) => (one.id === args.id ? { ...one, ...args } : one));
      return rows.find((one) => one.id === args.id) ?? FORWARD;
    },
    remove: (args: { id: number }) => {
      rows = rows.filter((one) => one.id !== args.id);
      return {};
    },
  };
}

const card = (forwards: object) =>
  show(<ForwardsCard endpoint={DETAIL} />, "/endpoints/4", { forwards });

async function choose(select: string, option: string) {
  await userEvent.click(screen.getByRole("combobox", { name: select }));
  await userEvent.click(await screen.findByRole("option", { name: new RegExp(`^${option}`) }));
}

async function press(button: string) {
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: button }));
}

describe("the words of a forward", () => {
  it.each<[Partial<ForwardRow>, string]>([
    [{}, "OK"],
    [{ lastAt: null }, "Nothing forwarded yet"],
    [{ waiting: 3 }, "Waiting 3"],
    [{ waiting: 3, lastProblem: "Nothing listens." }, "Failing"],
    [{ enabled: false, lastProblem: "Nothing listens." }, "Paused"],
  ])("says of %o that it is %s", (patch, word) => {
    expect(forwardState({ ...FORWARD, ...patch }).word).toBe(word);
  });

  it("names only what is not plain", () => {
    expect(forwardTraits(FORWARD)).toEqual(["all events"]);
    expect(
      forwardTraits({
        ...FORWARD,
        types: ["user.*"],
        signature: "fresh",
        secretHint: "x9Lm",
        headers: [{ name: "x-a", value: "1" }],
        retries: "none",
        allowPublic: true,
      }),
    ).toEqual([
      "user.*",
      "signed anew with whsec_…x9Lm",
      "1 extra header",
      "no retries",
      "may leave this machine",
    ]);
  });

  it("reads types and judges addresses", () => {
    expect(readTypes(" user.*, session.created  user.* ")).toEqual(["user.*", "session.created"]);
    expect(urlProblem("http://localhost:3000/a")).toBeNull();
    expect(urlProblem("localhost:3000")).toMatch(/Begin it with http/);
    expect(urlProblem("ftp://localhost")).toMatch(/not ftp:/);
    expect(urlProblem("http://")).toMatch(/not an address/);
  });
});

describe("the forwards of an endpoint", () => {
  it("teaches the next step when there are none, and adds one by keyboard", async () => {
    const { asked } = await card(engine([]));
    await screen.findByText(/Send a copy of every accepted message/);
    (await screen.findByRole("button", { name: "Add forward" })).focus();
    await userEvent.keyboard("{Enter}");
    const dialog = await screen.findByRole("dialog", { name: "Add forward" });
    const url = within(dialog).getByLabelText("URL");
    await waitFor(() => expect(url).toHaveFocus());
    expect(await violations()).toEqual([]);
    await userEvent.keyboard("http://localhost:3000/api/webhooks");
    await press("Add forward");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await screen.findByText("http://localhost:3000/api/webhooks");
    expect(asked("forwards.add")).toEqual([
      {
        endpointId: 4,
        url: "http://localhost:3000/api/webhooks",
        types: [],
        headers: [],
        signature: "original",
        retries: "svix",
        allowPublic: false,
      },
    ]);
  });

  it("shows how each one is doing, with the last problem in words", async () => {
    await card(
      engine([
        FORWARD,
        {
          ...FORWARD,
          id: 5,
          url: "http://localhost:8787",
          waiting: 2,
          lastStatus: null,
          lastProblem: "Nothing listens at localhost:8787. Start your app.",
        },
      ]),
    );
    const [fine, failing] = await screen.findAllByRole("listitem");
    within(fine as HTMLElement).getByText("OK");
    expect(fine).toHaveTextContent(/200 · \d+ s/);
    within(failing as HTMLElement).getByText("Failing");
    within(failing as HTMLElement).getByText("2 messages waiting");
    within(failing as HTMLElement).getByText(/Start your app/);
    expect(failing).toHaveTextContent("No answer · ");
    expect(await violations()).toEqual([]);
  });

  it("sends every choice of the dialog", async () => {
    const { asked } = await card(engine([FORWARD]));
    await userEvent.click(await screen.findByRole("button", { name: "Add forward" }));
    await userEvent.type(await screen.findByLabelText("URL"), "https://hooks.example.com/clerk");
    await choose("Events", "Only these");
    await userEvent.type(screen.getByLabelText("Types or patterns"), "user.* session.created");
    await choose("When it fails", "Give up at once");
    await choose("Signature", "Signed by Usher");
    screen.getByText(/Made at each attempt/);
    await userEvent.type(screen.getByLabelText("Secret to sign with"), "whsec_abc");
    await userEvent.click(screen.getByRole("button", { name: "Add header" }));
    await waitFor(() => expect(screen.getByLabelText("Name of header 1")).toHaveFocus());
    await userEvent.keyboard("x-api-key{Tab}s3cret");
    await userEvent.click(screen.getByRole("button", { name: "Add header" }));
    await userEvent.click(screen.getByRole("checkbox", { name: /Allow an address outside/ }));
    screen.getByText(/Every message then leaves this machine/);
    await press("Add forward");
    await waitFor(() =>
      expect(asked("forwards.add")).toEqual([
        {
          endpointId: 4,
          url: "https://hooks.example.com/clerk",
          types: ["user.*", "session.created"],
          headers: [{ name: "x-api-key", value: "s3cret" }],
          signature: "fresh",
          secret: "whsec_abc",
          retries: "none",
          allowPublic: true,
        },
      ]),
    );
  });

  it("says beside each field what is wrong, before and after asking", async () => {
    const outside = "This address is outside this machine and its networks.";
    const { asked } = await card({
      ...engine([FORWARD]),
      add: () => refuse("invalid", outside),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Add forward" }));
    const url = await screen.findByLabelText("URL");
    await userEvent.type(url, "localhost:3000");
    await choose("Signature", "Signed by Usher");
    await press("Add forward");
    await waitFor(() => expect(descriptionOf(url)).toMatch(/Begin it with http/));
    expect(descriptionOf(screen.getByLabelText("Secret to sign with"))).toMatch(/Paste the secret/);
    expect(asked("forwards.add")).toEqual([]);
    await userEvent.clear(url);
    await userEvent.type(url, "https://example.com");
    expect(descriptionOf(url)).toBe("");
    await userEvent.type(screen.getByLabelText("Secret to sign with"), "whsec_abc");
    await press("Add forward");
    await waitFor(() => expect(descriptionOf(url)).toBe(outside));
    expect(url).toHaveAttribute("aria-invalid", "true");
  });

  it("keeps the secret of one that is edited, unless another is typed", async () => {
    const { asked } = await card(
      engine([{ ...FORWARD, signature: "fresh", secretHint: "x9Lm", types: ["user.*"] }]),
    );
    await userEvent.click(await screen.findByRole("button", { name: /More about the forward/ }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Edit…" }));
    await screen.findByText("Left empty, the one ending in x9Lm stays.");
    await choose("Events", "All events");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(asked("forwards.update")).toHaveLength(1));
    expect(asked("forwards.update")[0]).toEqual({
      id: 3,
      url: FORWARD.url,
      types: [],
      headers: [],
      signature: "fresh",
      retries: "svix",
      allowPublic: false,
    });
  });

  it("pauses with the switch, and says in place when that fails", async () => {
    const world = engine([FORWARD]);
    let broken = false;
    const { asked } = await card({
      ...world,
      update: (args: { id: number; enabled?: boolean }) =>
        broken ? refuse("unavailable", "The disk is full.") : world.update(args),
    });
    const toggle = await screen.findByRole("switch", { name: `Forward to ${FORWARD.url}` });
    await userEvent.click(toggle);
    await screen.findByText("Paused");
    expect(asked("forwards.update")).toEqual([{ id: 3, enabled: false }]);
    broken = true;
    await userEvent.click(toggle);
    await screen.findByText("The disk is full.");
    expect(isOn(toggle)).toBe(false);
  });

  it("removes one after asking", async () => {
    const { asked } = await card(engine([{ ...FORWARD, waiting: 2 }]));
    await userEvent.click(await screen.findByRole("button", { name: /More about the forward/ }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Remove…" }));
    const dialog = await screen.findByRole("dialog", { name: "Remove this forward?" });
    expect(dialog).toHaveTextContent(/gets no more messages, also not the 2 that wait/);
    await userEvent.click(within(dialog).getByRole("button", { name: "Remove forward" }));
    await screen.findByText(/Send a copy of every accepted message/);
    expect(asked("forwards.remove")).toEqual([{ id: 3 }]);
  });
});
