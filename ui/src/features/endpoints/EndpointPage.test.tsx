import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import { descriptionOf, ENVIRONMENT, isOn, refuse, show, violations } from "../kit.test-env";
import { EndpointPage } from "./EndpointPage";
import { DETAIL, STATUS } from "./endpoint.fixture";

const NO_SECRETS: EndpointDetail = {
  ...DETAIL,
  state: "needsSecret",
  secrets: 0,
  signingSecrets: [],
  lastVerified: null,
};

const ADDED = DETAIL.signingSecrets[0]?.addedAt ?? 0;

function refusedRow(id: number, endpointId: number, rest: Partial<MessageRow> = {}): MessageRow {
  return {
    id,
    svixId: `msg_${id}`,
    type: "user.created",
    outcome: "refused",
    reason: "no_secret",
    endpoint: DETAIL.name,
    endpointId,
    environmentId: 1,
    subject: null,
    receivedAt: id,
    status: 400,
    duplicates: 0,
    test: false,
    pinned: false,
    originId: null,
    forward: null,
    ...rest,
  };
}

/** An engine with one endpoint in it. */
function engine(start: EndpointDetail) {
  let endpoint = start;
  return {
    set: (next: EndpointDetail) => {
      endpoint = next;
      return next;
    },
    replies: {
      app: { status: () => STATUS },
      lists: { list: () => [] },
      forwards: { list: () => [] },
      messages: { list: () => ({ rows: [] as MessageRow[], next: null }) },
      endpoints: {
        show: () => endpoint,
        update: (args: { settings?: EndpointDetail["settings"]; paused?: boolean }) => {
          endpoint = { ...endpoint, ...args };
          return endpoint;
        },
      },
    },
  };
}

describe("the endpoint page", () => {
  it("has no accessibility violations, with an event opened", async () => {
    await show(<EndpointPage id={4} />, "/endpoints/4", engine(DETAIL).replies);
    await userEvent.click(await screen.findByRole("button", { name: "Options of user.created" }));
    expect(await violations()).toEqual([]);
  });

  it("names the mistake in a pasted secret where it was pasted, and sends it trimmed", async () => {
    const sentence = "This is an API secret key (sk_). The signing secret starts with whsec_.";
    const { replies } = engine(NO_SECRETS);
    const { asked } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...replies,
      endpoints: { ...replies.endpoints, add_secret: () => refuse("invalid", sentence) },
    });
    const field = await screen.findByLabelText("Signing Secret");
    await userEvent.type(field, "  sk_test_abc \n{Enter}");
    await waitFor(() => expect(descriptionOf(field)).toBe(sentence));
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(asked("endpoints.add_secret")).toEqual([{ id: 4, secret: "sk_test_abc" }]);
    await userEvent.type(field, "x");
    expect(field.getAttribute("aria-invalid")).toBeNull();
  });

  it("offers to verify again what came before the secret, for this endpoint alone", async () => {
    const world = engine(NO_SECRETS);
    const { asked } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...world.replies,
      endpoints: { ...world.replies.endpoints, add_secret: () => world.set(DETAIL) },
      messages: {
        list: () => ({ rows: [refusedRow(2, 4)], next: null }),
        count: () => ({ count: 2, whole: true }),
        verify: () => ({ accepted: 2, refused: 0, sentence: "2 messages verify now." }),
      },
    });
    await userEvent.type(await screen.findByLabelText("Signing Secret"), "whsec_abc{Enter}");
    await userEvent.click(
      await screen.findByRole("button", { name: "Verify 2 refused messages again" }),
    );
    await screen.findByText("2 messages verify now.");
    expect(asked("messages.verify")).toEqual([{ endpointId: 4 }]);
    expect(asked("messages.list")[0]).toMatchObject({
      query: 'endpoint:"Clerk · development" status:refused -is:test',
      limit: 1,
    });
  });

  it("says why it is failing, and what stands between it and the first message", async () => {
    const failing = { ...DETAIL, state: "failing" as const, lastVerified: null };
    const { replies } = engine(failing);
    const row = refusedRow(9, 4, { reason: "wrong_secret", receivedAt: ADDED + 60_000 });
    await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...replies,
      messages: {
        list: () => ({ rows: [row], next: null }),
        count: () => ({ count: 3, whole: true }),
      },
    });
    const why = await screen.findByText(/The last message was refused at .*: wrong secret\./);
    expect(within(why).getByRole("link", { name: "Open message" })).toHaveAttribute(
      "href",
      "/messages?id=9",
    );
    screen.getByText(/The last message was signed with another secret/);
    expect(screen.getByText(/A message arrived and was refused/).closest("li")).toHaveTextContent(
      /^failed: .*wrong secret\. Put it right, then verify it again\.$/,
    );
    expect(screen.queryByText(/Send a test event/)).toBeNull();
    expect(screen.queryByRole("button", { name: /^Verify/ })).toBeNull();
    expect(await violations()).toEqual([]);
  });

  it("replaces a secret: the new one comes before the old one goes", async () => {
    const world = engine(DETAIL);
    const { calls } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...world.replies,
      endpoints: {
        ...world.replies.endpoints,
        add_secret: ({ secret }) =>
          secret === "whsec_new" ? DETAIL : refuse("invalid", "That is no secret."),
        remove_secret: () => DETAIL,
      },
    });
    await userEvent.click(
      await screen.findByRole("button", { name: "Replace secret ending in 7Qd2…" }),
    );
    const field = screen.getByLabelText("New signing secret");
    expect(descriptionOf(field)).toBe(
      "The one ending in 7Qd2 is removed as soon as this one is saved.",
    );
    await userEvent.type(field, "sk_1{Enter}");
    await waitFor(() => expect(descriptionOf(field)).toBe("That is no secret."));
    await userEvent.clear(field);
    await userEvent.type(field, "whsec_new{Enter}");
    await screen.findByText("Signing secret replaced.");
    expect(
      calls.filter(({ name }) => name.endsWith("_secret")).map(({ name, args }) => [name, args]),
    ).toEqual([
      ["endpoints.add_secret", { id: 4, secret: "sk_1" }],
      ["endpoints.add_secret", { id: 4, secret: "whsec_new" }],
      ["endpoints.remove_secret", { id: 4, secretId: 7 }],
    ]);
    expect(screen.queryByLabelText("New signing secret")).toBeNull();
  });

  it("shows a toggle at once and saves it", async () => {
    let answer = (_: EndpointDetail) => {};
    const { replies } = engine(DETAIL);
    const { asked } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...replies,
      endpoints: {
        ...replies.endpoints,
        update: () =>
          new Promise<EndpointDetail>((resolve) => {
            answer = resolve;
          }),
      },
    });
    const toggle = await screen.findByRole("switch", { name: "user.created" });
    await userEvent.click(toggle);
    expect(isOn(toggle)).toBe(false);
    await waitFor(() => expect(asked("endpoints.update")).toHaveLength(1));
    const sent = asked("endpoints.update")[0] as { settings: EndpointDetail["settings"] };
    expect(sent.settings.events.map((event) => event.enabled)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    await act(async () => answer({ ...DETAIL, settings: sent.settings }));
  });

  it("takes a toggle back when saving fails and says why beside it, keeping the others", async () => {
    const world = engine(DETAIL);
    await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...world.replies,
      endpoints: {
        ...world.replies.endpoints,
        update: (args) =>
          args.settings?.events[1]?.enabled === false
            ? refuse("unavailable", "The disk is full.")
            : world.replies.endpoints.update(args),
      },
    });
    const updated = await screen.findByRole("switch", { name: "user.updated" });
    const waitlist = screen.getByRole("switch", { name: "waitlistEntry.updated" });
    await userEvent.click(updated);
    await userEvent.click(waitlist);
    const row = updated.closest("li") as HTMLElement;
    await within(row).findByText("The disk is full.");
    await waitFor(() => expect(isOn(updated)).toBe(true));
    await waitFor(() => expect(isOn(waitlist)).toBe(true));
  });

  it("saves a user group on Enter and drops it on Esc", async () => {
    const { replies } = engine(DETAIL);
    const { asked } = await show(<EndpointPage id={4} />, "/endpoints/4", replies);
    await userEvent.click(
      await screen.findByRole("button", { name: "Options of waitlistEntry.created" }),
    );
    const group = screen.getByLabelText<HTMLInputElement>("User group");
    await userEvent.type(group, "nobody{Escape}");
    expect(group.value).toBe("");
    await userEvent.type(group, "Waitlist{Enter}");
    await screen.findByText("Create or update the contact, group Waitlist");
    const sent = asked("endpoints.update") as { settings: EndpointDetail["settings"] }[];
    expect(sent.map((one) => one.settings.events[3]?.userGroup)).toEqual(["Waitlist"]);
  });

  it("says in words what the bars say", async () => {
    await show(<EndpointPage id={4} />, "/endpoints/4", engine(DETAIL).replies);
    await screen.findByRole("img", { name: /18 accepted, 2 refused in the last 24 hours/ });
    screen.getByText("90.0 % accepted");
    expect(screen.queryByText(/too fast to be kept/)).toBeNull();
  });

  it("tells of a flood that was not kept", async () => {
    const unkept = { count: 1234, firstAt: 1_778_587_200_000, lastAt: 1_778_587_200_000 };
    await show(<EndpointPage id={4} />, "/endpoints/4", engine({ ...DETAIL, unkept }).replies);
    await screen.findByText(/1,234 more refused requests came too fast to be kept/);
  });

  it("warns when the URL is another one than the one copied", async () => {
    localStorage.setItem("usher.copied.4", "http://127.0.0.1:4000/in/ep_k3v9x");
    await show(<EndpointPage id={4} />, "/endpoints/4", engine(DETAIL).replies);
    await screen.findByText(/Changed since you copied it/);
    screen.getByText("http://127.0.0.1:4000/in/ep_k3v9x");
  });

  it("brings its environment along, and leaves when another one is chosen", async () => {
    const { replies } = engine({ ...DETAIL, environmentId: 2 });
    const { search, path, navigate } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...replies,
      environments: { list: () => [ENVIRONMENT, { ...ENVIRONMENT, id: 2, name: "Staging" }] },
    });
    await waitFor(() => expect(search()).toEqual({ env: 2 }));
    expect(path()).toBe("/endpoints/4");
    await navigate({ env: 1 });
    await waitFor(() => expect(path()).toBe("/endpoints"));
  });

  it("asks for the name before it removes an endpoint that was used", async () => {
    const { replies } = engine(DETAIL);
    const { asked, path } = await show(<EndpointPage id={4} />, "/endpoints/4", {
      ...replies,
      endpoints: { ...replies.endpoints, remove: () => ({}) },
    });
    await userEvent.click(await screen.findByRole("button", { name: "More" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Remove…" }));
    const confirm = await screen.findByRole<HTMLButtonElement>("button", {
      name: "Remove endpoint",
    });
    expect(confirm.disabled).toBe(true);
    await userEvent.type(screen.getByLabelText(/Type/), DETAIL.name);
    await userEvent.click(confirm);
    await waitFor(() => expect(path()).toBe("/endpoints"));
    expect(asked("endpoints.remove")).toEqual([{ id: 4 }]);
  });
});
