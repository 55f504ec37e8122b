import { ApiFailure } from "./failure";
import { bodyOf, contactOf, endpointOf, makeMessage, messageOf, personOf, TYPES } from "./fakeData";
import type { ContactDetail } from "./gen/ContactDetail";
import type { Commands } from "./gen/commands";
import type { DeliveryRow } from "./gen/DeliveryRow";
import type { EndpointDetail } from "./gen/EndpointDetail";
import type { EnvironmentRow } from "./gen/EnvironmentRow";
import type { ForwardRow } from "./gen/ForwardRow";
import type { MailingListRow } from "./gen/MailingListRow";
import type { MessageDetail } from "./gen/MessageDetail";
import type { Page } from "./gen/Page";
import type { Settings } from "./gen/Settings";
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
  let settings: Settings = { port: 4870, appearance: "system", bodyLimitMib: 1 };
  let trash: ContactDetail[] = [];
  let nextId = 10_000;
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
  const matching = (args: { environmentId?: number; query?: string }) =>
    messages.filter(
      (row) =>
        (args.environmentId === undefined || row.environmentId === args.environmentId) &&
        fits(
          args.query,
          row.type,
          row.subject,
          row.svixId,
          row.outcome,
          row.reason?.replace("_", " "),
        ),
    );
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
      count: (args) => ({ count: matching(args).length }),
      show: ({ id }) => found(messages, id, "message"),
      verify: ({ ids }) => {
        messages = messages.map((one) =>
          ids?.includes(one.id)
            ? { ...messageOf(one.id, one.receivedAt, 0), id: one.id, svixId: one.svixId }
            : one,
        );
        announce("messages", "contacts");
        return {
          accepted: ids?.length ?? 0,
          refused: 0,
          sentence: "It verifies now, and the contact was brought up to date.",
        };
      },
      explain: () => ({ terms: [], problem: null, offers: [] }),
      previous: ({ id }) => {
        const own = found(messages, id, "message");
        const before = messages.find((one) => one.id < id && one.subject === own.subject);
        return { id: before?.id ?? null };
      },
      replay: ({ which }) => ({
        sent: which.ids?.length ?? 0,
        failed: 0,
        sentence: "1 message was sent again.",
        messageId: messages[0]?.id ?? null,
      }),
      pin: ({ which, pinned }) => {
        messages = messages.map((one) => (which.ids?.includes(one.id) ? { ...one, pinned } : one));
        announce("messages");
        return { count: which.ids?.length ?? 0 };
      },
      copy: ({ which, format, redacted }) => ({
        text: `${format} of ${which.ids?.join(", ") ?? which.query}${redacted ? ", redacted" : ""}`,
      }),
    },
    forwards: {
      list: () => [],
      add: () => {
        throw new ApiFailure("unavailable", "Nothing is forwarded here.");
      },
      update: ({ id }) => found<ForwardRow>([], id, "target"),
      remove: () => ({}),
      deliveries: () => [],
      retry: ({ id }) => found<DeliveryRow>([], id, "delivery"),
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
    tests: {
      catalogue: () =>
        SAMPLES.map(([name, title, tests]) => ({
          name,
          type: name.split(":")[0] ?? name,
          title,
          tests,
          group: name.includes(":") ? "awkward" : "people",
          flaw: null,
        })),
      make: ({ type, person }) => {
        const who = person ?? Math.floor(Math.random() * 1000);
        return {
          body: bodyOf(type.split(":")[0] ?? type, who, Date.now()),
          person: who,
          flaw: null,
        };
      },
      scenarios: () => [],
      play: () => {
        throw new ApiFailure("invalid", "Usher has no such scenario.");
      },
      save: () => {
        throw new ApiFailure("unavailable", "Nothing is saved here.");
      },
      forget: () => {
        throw new ApiFailure("notFound", "There is no such saved test event.");
      },
      export: () => ({ count: 0 }),
      import: () => ({ added: 0, changed: 0, unchanged: 0, problems: [] }),
      sign: ({ body }) => ({ url: "http://127.0.0.1:4870/in/ep_k3v9x1", headers: [], body }),
      send: ({ body }) => {
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
