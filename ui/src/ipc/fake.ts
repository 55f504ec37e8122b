import { ApiFailure } from "./failure";
import { bodyOf, contactOf, endpointOf, makeMessage, messageOf, personOf, TYPES } from "./fakeData";
import { deliveriesOf, forwardOf, forwardsAt } from "./fakeForwards";
import { explain, finds, refusal } from "./fakeSearch";
import type { ContactDetail } from "./gen/ContactDetail";
import type { Commands } from "./gen/commands";
import type { EndpointDetail } from "./gen/EndpointDetail";
import type { EnvironmentRow } from "./gen/EnvironmentRow";
import type { Flaw } from "./gen/Flaw";
import type { MailingListRow } from "./gen/MailingListRow";
import type { MessageDetail } from "./gen/MessageDetail";
import type { Page } from "./gen/Page";
import type { SampleRow } from "./gen/SampleRow";
import type { ScenarioRow } from "./gen/ScenarioRow";
import type { Settings } from "./gen/Settings";
import type { WhichMessages } from "./gen/WhichMessages";
import type { Host } from "./host";

/**
 * Stands in for the engine in tests and in `npm run dev` with `?fake`. Not part of what is shipped.
 * `?fake=empty` is a first run, `?fake=busy` receives 500 messages a second, `?fake=down` does not listen.
 */
export type FakeMode = "full" | "empty" | "busy" | "down" | "disk";

type Verbs = {
  [T in keyof Commands]: {
    [V in keyof Commands[T]]: Commands[T][V] extends { args: infer A; reply: infer R }
      ? (args: A) => R
      : never;
  };
};

const SAMPLES = [
  [
    "user.created",
    "Someone signs up",
    "A new contact with email, names and the group for new contacts.",
  ],
  [
    "user.updated",
    "Their last name changes",
    "The same contact changes; the timeline shows from what to what.",
  ],
  [
    "user.deleted",
    "They delete their account",
    "No email comes with it: the contact is found by user ID.",
  ],
  [
    "waitlistEntry.created",
    "Someone joins the waitlist",
    "A contact without a user ID, until the same person signs up.",
  ],
  [
    "waitlistEntry.updated",
    "They are invited",
    "The status of the entry changes; the contact stays the same.",
  ],
  [
    "user.created:phone_only",
    "Sign-up with a phone number only",
    "No email: recorded, no contact made.",
  ],
  [
    "user.created:two_emails",
    "Two addresses, the second is primary",
    "The primary address is taken, not the first one.",
  ],
  [
    "user.updated:late",
    "An update that arrives late",
    "An hour old: it is stale if the user was seen since.",
  ],
] as const;

const FLAWED: readonly [string, Flaw, string][] = [
  [
    "A wrong signing secret",
    "wrong_secret",
    "What a secret pasted from the wrong endpoint looks like.",
  ],
  ["Signed ten minutes ago", "old_timestamp", "What a message held up for long looks like."],
  ["Signed in the future", "future_timestamp", "What a clock that runs behind looks like."],
  ["Body altered on its way", "altered_body", "What a proxy that rewrites bodies looks like."],
  ["Without Svix headers", "no_headers", "What anybody can post to the address looks like."],
];

const OTHERS = [
  "email.created",
  "organization.created",
  "organization.deleted",
  "organizationMembership.created",
  "role.created",
  "session.created",
  "session.ended",
  "session.removed",
  "sms.created",
];

const SCENARIOS: ScenarioRow[] = [
  {
    name: "waitlist_to_user",
    title: "Waitlist, invited, signs up",
    tests: "One contact from beginning to end, with a user ID in the end.",
    messages: 4,
  },
  {
    name: "out_of_order",
    title: "Updates out of order",
    tests: "The newest state wins, whatever arrives last.",
    messages: 5,
  },
  {
    name: "deleted_and_back",
    title: "Deleted, then signs up again",
    tests: "The address comes back under another user ID.",
    messages: 3,
  },
];

function catalogue(): SampleRow[] {
  const known = SAMPLES.map(
    ([name, title, tests]): SampleRow => ({
      name,
      type: name.split(":")[0] ?? name,
      title,
      tests,
      group: name.includes(":") ? "awkward" : "people",
      flaw: null,
    }),
  );
  const flawed = FLAWED.map(
    ([title, flaw, tests]): SampleRow => ({
      name: `user.created:${flaw}`,
      type: "user.created",
      title,
      tests,
      group: "flawed",
      flaw,
    }),
  );
  const others = OTHERS.map(
    (type): SampleRow => ({
      name: type,
      type,
      title: "Acknowledged, kept and ignored",
      tests: "Usher does not act on this type.",
      group: "clerk",
      flaw: null,
    }),
  );
  return [...known, ...flawed, ...others];
}

const KEY = "usher.fake";
const TICK_MS = 150;

/** The stand-in that the address asks for, or null. It is remembered for the session. */
export function fakeHost(search: string): Host | null {
  const asked = new URLSearchParams(search).get("fake");
  if (asked !== null) sessionStorage.setItem(KEY, asked);
  const mode = sessionStorage.getItem(KEY);
  if (mode === null || mode === "off") return null;
  const modes: readonly FakeMode[] = ["empty", "busy", "down", "disk"];
  return newFake(modes.find((known) => known === mode) ?? "full");
}

/** A stand-in with its own data. `arrive` lets messages come in. */
export function newFake(mode: FakeMode = "full"): Host & { arrive: (count: number) => void } {
  const now = Date.now();
  const full = mode !== "empty";
  let messages: MessageDetail[] = full
    ? Array.from({ length: 2318 }, (_, at) => past(2318 - at, at, now))
    : [];
  let contacts: ContactDetail[] = full
    ? Array.from({ length: 412 }, (_, at) => contactOf(at + 1, now - at * at * 120_000))
    : [];
  let endpoints: EndpointDetail[] = full
    ? [
        endpointOf(1, "Clerk", 1, 2, now),
        endpointOf(2, "Marketing site", 1, 0, now),
        endpointOf(3, "Clerk", 2, 1, now),
      ]
    : [];
  let environments: EnvironmentRow[] = [
    {
      id: 1,
      name: "Development",
      kind: "development",
      color: "#b45309",
      endpoints: full ? 2 : 0,
      contacts: contacts.length,
      instanceId: full ? "ins_2zPq" : null,
    },
  ];
  if (full)
    environments.push({
      id: 2,
      name: "Production",
      kind: "production",
      color: "#15803d",
      endpoints: 1,
      contacts: 0,
      instanceId: null,
    });
  const lists: MailingListRow[] = full
    ? [
        { id: 1, name: "Product news", contacts: 206 },
        { id: 2, name: "Beta", contacts: 206 },
      ]
    : [];
  let settings: Settings = {
    port: 4870,
    appearance: "system",
    bodyLimitMib: 1,
    notify: false,
  };
  let trash: ContactDetail[] = [];
  let removed: MessageDetail[] = [];
  let nextId = 10_000;
  let forwards = full ? forwardsAt(now) : [];
  let samples = catalogue();
  const own = new Map<string, string>();
  const listeners = new Set<(topics: string[]) => void>();
  const announce = (...topics: string[]) => {
    for (const tell of listeners) tell(topics);
  };

  const arrive = (count: number) => {
    const at = Date.now();
    const came = Array.from({ length: count }, () => messageOf(nextId++, at));
    messages = [...came.reverse(), ...messages].slice(0, 20_000);
    announce("messages", "contacts", "events");
  };
  if (mode === "busy") setInterval(() => arrive(75), TICK_MS);

  const found = <T extends { id: number }>(rows: readonly T[], id: number, what: string): T => {
    const row = rows.find((one) => one.id === id);
    if (row === undefined)
      throw new ApiFailure(
        "notFound",
        `There is no ${what} with the number ${id}. It may have been removed.`,
      );
    return row;
  };
  const status: Verbs["app"]["status"] = () => ({
    version: "0.1.0",
    dataDir: "/home/maya/.local/share/usher",
    databaseFile: "/home/maya/.local/share/usher/usher.db",
    startedAt: now - 3_600_000,
    keychain: { kind: "system", sentence: "Signing secrets are kept in the system keychain." },
    listener:
      mode === "down"
        ? {
            state: "failed",
            port: settings.port,
            url: `http://127.0.0.1:${settings.port}`,
            since: now,
            problem: `Port ${settings.port} is taken by node (process 4121). Stop it, or choose another port in Settings.`,
            restarts: 0,
            lastProblem: null,
            lastProblemAt: null,
          }
        : {
            state: "listening",
            port: settings.port,
            url: `http://127.0.0.1:${settings.port}`,
            since: now,
            problem: null,
            restarts: 0,
            lastProblem: null,
            lastProblemAt: null,
          },
    storage:
      mode === "disk"
        ? {
            ok: false,
            problem:
              "The disk that holds /home/maya/.local/share/usher is full, so nothing can be stored. Free some space on it.",
            since: now - 240_000,
            note: null,
          }
        : { ok: true, problem: null, since: null, note: null },
  });
  const matching = (args: { environmentId?: number; query?: string }) => {
    const refused = refusal(args.query);
    if (refused !== null) throw new ApiFailure("invalid", refused);
    return messages.filter(
      (row) =>
        (args.environmentId === undefined || row.environmentId === args.environmentId) &&
        finds(args.query, row),
    );
  };
  const chosen = (which: WhichMessages) =>
    which.ids ?? matching(which as { environmentId?: number; query?: string }).map((row) => row.id);
  const people = (args: { environmentId?: number; query?: string }) =>
    contacts.filter(
      (row) =>
        (args.environmentId === undefined || row.environmentId === args.environmentId) &&
        fits(args.query, row.email, row.firstName, row.lastName, row.userId, row.userGroup),
    );

  const verbs: Verbs = {
    app: {
      status,
      counts: ({ environmentId }) => ({
        messages: matching({ environmentId }).length,
        contacts: people({ environmentId }).length,
        events: full && environmentId === 1 ? 5 : 0,
        endpoints: endpoints.filter((one) => one.environmentId === environmentId).length,
      }),
      restart_listener: status,
      backup: ({ file }) => ({ file, bytes: 4_812_800 }),
      restore: () => ({
        kept: "/home/maya/.local/share/usher/usher.before-restore-20261120-090000.db",
        messages: messages.length,
        contacts: contacts.length,
        withoutSecret: [],
      }),
      rebuild: () => ({ messages: messages.length, contacts: contacts.length, changed: 0 }),
    },
    settings: {
      get: () => settings,
      update: (args) => {
        settings = { ...settings, ...args };
        announce("settings");
        return settings;
      },
    },
    diagnostics: {
      show: () => ({
        limits: [
          {
            name: "Open connections",
            value: "256",
            reason: "Enough for any tunnel. When all are taken, the longest waiting gives way.",
          },
          {
            name: "Body of a message",
            value: `${settings.bodyLimitMib} MiB`,
            reason: "Clerk's messages are under 64 KiB.",
          },
        ],
        listener: {
          connections: 2,
          connectionLimit: 256,
          busy: 0,
          served: messages.length,
          refused: 3,
          evicted: 0,
          acceptErrors: 0,
        },
        storage: { databaseBytes: 4_812_800, walBytes: 412_000, freeBytes: 81_604_378_624 },
      }),
      doctor: () => [
        {
          name: "database",
          verdict: "ok",
          sentence: "The database is whole: 4.5 MiB, every page is in order.",
          remedy: null,
        },
        {
          name: "tunnel",
          verdict: "warning",
          sentence: "No message has come from outside yet.",
          remedy: "Open a tunnel to the listener, and give its address to Clerk.",
        },
      ],
      export: () => ({ text: "Usher 0.1.0\n" }),
    },
    environments: {
      list: () => environments,
      add: (args) => {
        const row: EnvironmentRow = {
          id: nextId++,
          name: args.name,
          kind: args.kind ?? "development",
          color: args.color ?? "#1d4ed8",
          endpoints: 0,
          contacts: 0,
          instanceId: null,
        };
        environments = [...environments, row];
        announce("environments");
        return row;
      },
      update: ({ id, ...rest }) => {
        environments = environments.map((one) => (one.id === id ? { ...one, ...rest } : one));
        announce("environments");
        return found(environments, id, "environment");
      },
      remove: ({ id }) => {
        environments = environments.filter((one) => one.id !== id);
        announce("environments");
        return {};
      },
    },
    endpoints: {
      list: () => endpoints,
      show: ({ id }) => found(endpoints, id, "endpoint"),
      add: (args) => {
        const row = endpointOf(
          nextId++,
          args.name,
          args.environmentId,
          args.secret === undefined ? 0 : 1,
          now,
        );
        if (args.settings !== undefined) row.settings = args.settings;
        endpoints = [...endpoints, row];
        announce("endpoints");
        return row;
      },
      update: ({ id, ...rest }) => {
        endpoints = endpoints.map((one) =>
          one.id === id
            ? {
                ...one,
                ...rest,
                state:
                  rest.paused === true ? "paused" : rest.paused === false ? "receiving" : one.state,
              }
            : one,
        );
        announce("endpoints");
        return found(endpoints, id, "endpoint");
      },
      remove: ({ id }) => {
        endpoints = endpoints.filter((one) => one.id !== id);
        announce("endpoints");
        return {};
      },
      add_secret: ({ id, secret }) => {
        if (!secret.trim().startsWith("whsec_")) {
          throw new ApiFailure(
            "invalid",
            "A signing secret begins with whsec_. Copy it from the endpoint's page in Clerk.",
          );
        }
        const row = found(endpoints, id, "endpoint");
        row.signingSecrets = [
          ...row.signingSecrets,
          {
            id: nextId++,
            hint: secret.slice(-4),
            addedAt: Date.now(),
            lastVerifiedAt: null,
            readable: true,
          },
        ];
        row.secrets = row.signingSecrets.length;
        if (row.state === "needsSecret") row.state = "waiting";
        endpoints = endpoints.map((one) => (one.id === id ? { ...row } : one));
        announce("endpoints");
        return found(endpoints, id, "endpoint");
      },
      remove_secret: ({ id, secretId }) => {
        const row = found(endpoints, id, "endpoint");
        const signingSecrets = row.signingSecrets.filter((one) => one.id !== secretId);
        endpoints = endpoints.map((one) =>
          one.id === id ? { ...row, signingSecrets, secrets: signingSecrets.length } : one,
        );
        announce("endpoints");
        return found(endpoints, id, "endpoint");
      },
      reveal_secret: () => ({ secret: "whsec_bm90IGEgcmVhbCBzZWNyZXQgYXQgYWxs7Qd2" }),
    },
    lists: {
      list: () => lists,
      add: ({ name }) => {
        const row = { id: nextId++, name, contacts: 0 };
        lists.push(row);
        announce("lists");
        return row;
      },
    },
    messages: {
      list: (args) => pageOf(matching(args), args),
      count: (args) => ({ count: matching(args).length, whole: true }),
      show: ({ id }) => found(messages, id, "message"),
      verify: (which) => {
        const ids = chosen(which);
        messages = messages.map((one) =>
          ids.includes(one.id)
            ? { ...messageOf(one.id, one.receivedAt, 0), id: one.id, svixId: one.svixId }
            : one,
        );
        announce("messages", "contacts");
        return {
          accepted: ids.length,
          refused: 0,
          sentence: "It verifies now, and the contact was brought up to date.",
        };
      },
      explain,
      previous: ({ id }) => {
        const own = found(messages, id, "message");
        const before =
          messages.find((one) => one.id < id && one.subject === own.subject) ??
          messages.find((one) => one.id < id && one.type === own.type);
        return { id: before?.id ?? null };
      },
      replay: ({ which, sameId, to, refused }) => {
        const all = chosen(which);
        const ids = all.filter(
          (id) => refused || found(messages, id, "message").outcome !== "refused",
        );
        const leftOut = all.length - ids.length;
        if (ids.length === 0) {
          return { sent: 0, failed: 0, leftOut, sentence: "Nothing was sent.", messageId: null };
        }
        if (to === "forwards") {
          const are =
            ids.length === 1 ? "1 message is on its" : `${ids.length} messages are on their`;
          const sentence = `${are} way to the forwards.`;
          return { sent: ids.length, failed: 0, leftOut, sentence, messageId: null };
        }
        const made = ids.map((id) => {
          const was = found(messages, id, "message");
          const next = nextId++;
          return {
            ...was,
            id: next,
            svixId: sameId ? was.svixId : `msg_2zR0vYh1kQ3wX8c4LmTn${next.toString(36)}`,
            receivedAt: Date.now(),
            originId: id,
            pinned: false,
          };
        });
        messages = [...made.toReversed(), ...messages];
        announce("messages", "contacts", "events");
        const last = made.at(-1)?.id ?? null;
        return {
          sent: ids.length,
          failed: 0,
          leftOut,
          sentence: `${ids.length === 1 ? "1 message was" : `${ids.length} messages were`} sent again.`,
          messageId: last,
        };
      },
      pin: ({ which, pinned }) => {
        const ids = chosen(which);
        messages = messages.map((one) => (ids.includes(one.id) ? { ...one, pinned } : one));
        announce("messages");
        return { count: ids.length };
      },
      remove: (which) => {
        const ids = chosen(which);
        removed = messages.filter((one) => ids.includes(one.id));
        messages = messages.filter((one) => !ids.includes(one.id));
        announce("messages");
        return { count: ids.length, undo: 1 };
      },
      restore: () => {
        messages = [...removed, ...messages].sort((a, b) => b.id - a.id);
        announce("messages");
        return { count: removed.length };
      },
      save: ({ which, format }) => {
        const count = chosen(which).length;
        if (count > 1000)
          throw new ApiFailure(
            "invalid",
            `These are ${count} messages, and at most 1000 are taken at once. Narrow the search, or select fewer.`,
          );
        const name = `usher-messages-2026-11-28T1412.${format}`;
        return { path: `/home/maya/Downloads/${name}`, shown: `~/Downloads/${name}`, count };
      },
      copy: ({ which, format, redacted }) => ({
        text: `${format} of ${which.ids?.join(", ") ?? which.query}${redacted ? ", redacted" : ""}`,
      }),
    },
    contacts: {
      list: (args) =>
        pageOf(sorted(people(args), args.sort ?? "updated", args.reverse ?? false), args),
      count: (args) => ({ count: people(args).length }),
      show: ({ id }) => found(contacts, id, "contact"),
      timeline: ({ id }) => ({
        rows: [
          {
            id: 3,
            at: now - 120_000,
            what: "updated",
            title: "Updated",
            messageId: 2318,
            messageType: "user.updated",
            changes: [{ field: "lastName", from: "Okafor-Lind", to: "Okafor" }],
            note: null,
          },
          {
            id: 2,
            at: now - 3_600_000,
            what: "stale",
            title: "Ignored an older message",
            messageId: 2311,
            messageType: "user.updated",
            changes: [],
            note: "It is from 12:04:30; the contact already knows the state of 12:04:31.",
          },
          {
            id: 1,
            at: now - 86_400_000 * 10,
            what: "created",
            title: "Joined the waitlist",
            messageId: id,
            messageType: "waitlistEntry.created",
            changes: [{ field: "userGroup", from: null, to: "Waitlist" }],
            note: null,
          },
        ],
        next: null,
      }),
      add: (args) => {
        if (contacts.some((one) => one.email === args.email))
          throw new ApiFailure("conflict", `${args.email} is in the audience already.`);
        const row: ContactDetail = {
          ...contactOf(nextId++, Date.now()),
          email: args.email,
          userId: null,
          firstName: args.firstName ?? null,
          lastName: args.lastName ?? null,
          userGroup: args.userGroup ?? null,
          source: "Added by hand",
          raw: null,
          rawMessageId: null,
        };
        contacts = [row, ...contacts];
        announce("contacts");
        return row;
      },
      edit: ({ id, listIds, ...rest }) => {
        const names =
          listIds === undefined
            ? {}
            : {
                listIds,
                lists: lists.filter((one) => listIds.includes(one.id)).map((one) => one.name),
              };
        contacts = contacts.map((one) =>
          one.id === id ? { ...one, ...rest, ...names, updatedAt: Date.now() } : one,
        );
        announce("contacts");
        return found(contacts, id, "contact");
      },
      remove: ({ ids }) => {
        trash = contacts.filter((one) => ids.includes(one.id));
        contacts = contacts.filter((one) => !ids.includes(one.id));
        announce("contacts");
        return { count: ids.length, undo: 1 };
      },
      restore: () => {
        contacts = [...trash, ...contacts];
        const count = trash.length;
        trash = [];
        announce("contacts");
        return { count };
      },
    },
    events: {
      list: ({ environmentId }) =>
        full && environmentId === 1
          ? TYPES.map((type, at) => ({
              name: `clerk.${type}`,
              count: [412, 1204, 9, 88, 3][at] ?? 0,
              firstAt: now - 86_400_000 * 20,
              lastAt: now - (at + 1) * (at + 1) * 90_000,
              recent: [0, 1, 2, 3, 4].map((n) => ({
                contactId: n + at + 1,
                label: personOf(n + at).email,
                at: now - (n + 1) * 300_000,
              })),
            }))
          : [],
      occurrences: (args) =>
        pageOf(
          Array.from({ length: 88 }, (_, at) => ({
            id: 88 - at,
            at: now - at * 700_000,
            contactId: (at % 14) + 1,
            label: personOf(at).email,
            messageId: 2318 - at,
            messageType: args.name.replace("clerk.", ""),
          })),
          args,
        ),
    },
    forwards: {
      list: ({ endpointId }) =>
        forwards.filter((one) => endpointId === undefined || one.endpointId === endpointId),
      add: (args) => {
        const row = forwardOf(nextId++, args);
        forwards = [...forwards, row];
        announce("forwards");
        return row;
      },
      update: ({ id, secret, ...rest }) => {
        const hint = secret === undefined ? {} : { secretHint: secret.slice(-4) };
        forwards = forwards.map((one) => (one.id === id ? { ...one, ...rest, ...hint } : one));
        announce("forwards");
        return found(forwards, id, "forward");
      },
      remove: ({ id }) => {
        forwards = forwards.filter((one) => one.id !== id);
        announce("forwards");
        return {};
      },
      deliveries: ({ messageId }) =>
        found(messages, messageId, "message").outcome === "refused"
          ? []
          : deliveriesOf(messageId, now),
      retry: ({ id }) => found(deliveriesOf(Math.floor(id / 10), now), id, "delivery"),
    },
    tests: {
      catalogue: () => samples,
      make: ({ type, person }) => {
        const sample = samples.find((one) => one.name === type);
        const who = person ?? Math.floor(Math.random() * 1000);
        const body = own.get(type) ?? bodyOf(sample?.type ?? type, who, Date.now());
        return { body, person: who, flaw: sample?.flaw ?? null };
      },
      scenarios: () => SCENARIOS,
      play: ({ name }) => {
        const count = SCENARIOS.find((one) => one.name === name)?.messages ?? 0;
        arrive(count);
        return {
          sent: count,
          refused: 0,
          surprises: 0,
          sentence: `${count} messages were sent and all were accepted.`,
          messageIds: messages.slice(0, count).map((one) => one.id),
        };
      },
      save: ({ name, title, body, messageId }) => {
        if (!/^[\w.-]+$/.test(name))
          throw new ApiFailure("invalid", "A name has letters, digits, “-”, “_” and “.” only.");
        const kept = messages.find((one) => one.id === messageId)?.bodyText;
        const text = body ?? kept ?? "{}";
        const { type } = JSON.parse(text) as { type: string };
        const row: SampleRow = {
          name: `own:${name}`,
          type,
          title: title ?? name,
          tests: "Saved by you.",
          group: "own",
          flaw: null,
        };
        own.set(row.name, text);
        samples = [...samples.filter((one) => one.name !== row.name), row];
        announce("tests");
        return row;
      },
      export: () => ({ count: own.size }),
      import: ({ folder }) => {
        if (!/^[~/]/.test(folder))
          throw new ApiFailure(
            "invalid",
            "Name the folder with its full path, such as ~/my-app/fixtures.",
          );
        const problem = "old.json: Line 3, column 1: it is not JSON: trailing comma.";
        return { added: 0, changed: 0, unchanged: own.size, problems: [problem] };
      },
      forget: ({ name }) => {
        samples = samples.filter((one) => one.name !== `own:${name}`);
        announce("tests");
        return {};
      },
      sign: ({ body }) => ({ url: "http://127.0.0.1:4870/in/ep_k3v9x1", headers: [], body }),
      send: ({ body, flaw, originId }) => {
        if (flaw !== undefined) {
          const bad = messageOf(nextId++, Date.now(), 4);
          messages = [bad, ...messages];
          announce("messages");
          return {
            status: 400,
            answer: bad.answer,
            messageId: bad.id,
            svixId: bad.svixId ?? "",
            tookMs: 3,
          };
        }
        const type = String((JSON.parse(body) as { type?: unknown }).type ?? "");
        const row = makeMessage({
          id: nextId++,
          at: Date.now(),
          type,
          outcome: "processed",
          reason: null,
          person: 1,
          body,
          test: true,
        });
        row.originId = originId ?? null;
        messages = [row, ...messages];
        announce("messages", "contacts", "events");
        return {
          status: 200,
          answer: "Stored and processed.",
          messageId: row.id,
          svixId: row.svixId ?? "",
          tookMs: 4,
        };
      },
    },
  };

  const table = verbs as unknown as Record<
    string,
    Record<string, (args: unknown) => unknown> | undefined
  >;
  return {
    arrive,
    async call(name, args) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      const [topic = "", verb = ""] = name.split(".");
      const run = table[topic]?.[verb];
      if (run === undefined) throw new ApiFailure("internal", `There is no command ${name}.`);
      return structuredClone(run(args));
    },
    subscribe(onTopics) {
      listeners.add(onTopics);
      return () => {
        listeners.delete(onTopics);
      };
    },
  };
}

function past(id: number, at: number, now: number): MessageDetail {
  return messageOf(id, now - 31_000 - at * at * 900 - at * 1500, at);
}

function fits(query: string | undefined, ...fields: (string | null | undefined)[]): boolean {
  if (query === undefined || query.trim() === "") return true;
  const text = fields.filter(Boolean).join(" ").toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function sorted(rows: ContactDetail[], sort: string, reverse: boolean): ContactDetail[] {
  const by: Record<string, (a: ContactDetail, b: ContactDetail) => number> = {
    updated: (a, b) => b.updatedAt - a.updatedAt,
    created: (a, b) => b.createdAt - a.createdAt,
    email: (a, b) => a.email.localeCompare(b.email),
    name: (a, b) => (a.firstName ?? "").localeCompare(b.firstName ?? ""),
    group: (a, b) => (a.userGroup ?? "").localeCompare(b.userGroup ?? ""),
  };
  const out = rows.toSorted(by[sort]);
  return reverse ? out.reverse() : out;
}

function pageOf<T extends { id: number }>(
  rows: T[],
  args: { cursor?: string; limit?: number },
): Page<T> {
  const start =
    args.cursor === undefined ? 0 : rows.findIndex((row) => String(row.id) === args.cursor) + 1;
  const page = rows.slice(start, start + (args.limit ?? 100));
  const last = page.at(-1);
  return {
    rows: page,
    next: last !== undefined && start + page.length < rows.length ? String(last.id) : null,
  };
}
