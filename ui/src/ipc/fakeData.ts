import type { ContactDetail } from "./gen/ContactDetail";
import type { EndpointDetail } from "./gen/EndpointDetail";
import type { EventSettings } from "./gen/EventSettings";
import type { MessageDetail } from "./gen/MessageDetail";
import type { Outcome } from "./gen/Outcome";
import type { Step } from "./gen/Step";

/** Plausible data for tests and for `npm run dev`. Never part of what is shipped. */

export const TYPES = [
  "user.created",
  "user.updated",
  "user.deleted",
  "waitlistEntry.created",
  "waitlistEntry.updated",
] as const;

const PEOPLE = [
  ["Maya", "Okafor", "maya.okafor@northwind.dev"],
  ["Li", "Wei", "li.wei@posthaste.io"],
  ["Ana", "Pires", "ana.pires@kiosk.app"],
  ["Sam", "Cole", "sam.cole@atlas.build"],
  ["Tove", "Brandt", "t.brandt@kiosk.app"],
  ["Ravi", "Menon", "ravi@menon.studio"],
  ["Ines", "Castro", "ines.castro@halyard.co"],
  ["Jonas", "Eklund", "jonas@eklund.se"],
  ["Grace", "Adeyemi", "grace.a@lumen.team"],
  ["Noor", "Haddad", "noor@haddad.dev"],
  ["Paul", "Richter", "paul.richter@kiosk.app"],
  ["Yuki", "Tanaka", "yuki@tanaka.works"],
  ["Elif", "Demir", "elif.demir@northwind.dev"],
  ["Owen", "Price", "owen.price@atlas.build"],
] as const;

export interface Person {
  first: string;
  last: string;
  email: string;
  userId: string;
}

export function personOf(n: number): Person {
  const [first, last, email] = PEOPLE[n % PEOPLE.length] ?? PEOPLE[0];
  const round = Math.floor(n / PEOPLE.length);
  return {
    first,
    last,
    email: round === 0 ? email : email.replace("@", `+${round}@`),
    userId: `user_2zQm7Xw0aE5nVb${(n + 1).toString(36).padStart(11, "K")}`,
  };
}

export function bodyOf(type: string, n: number, at: number): string {
  const who = personOf(n);
  if (type === "user.deleted") {
    return JSON.stringify(
      {
        data: { deleted: true, id: who.userId, object: "user" },
        object: "event",
        timestamp: at,
        type,
      },
      null,
      2,
    );
  }
  if (type.startsWith("waitlistEntry")) {
    const data = {
      object: "waitlist_entry",
      id: `wle_${n}`,
      email_address: who.email,
      status: "pending",
      created_at: at,
      updated_at: at,
    };
    return JSON.stringify({ data, object: "event", timestamp: at, type }, null, 2);
  }
  const data = {
    id: who.userId,
    first_name: who.first,
    last_name: who.last,
    primary_email_address_id: "idn_2zQm7V",
    email_addresses: [
      {
        id: "idn_2zQm7V",
        email_address: who.email,
        verification: { status: "verified", strategy: "email_code" },
      },
      { id: "idn_2zQm7W", email_address: `old.${who.email}`, verification: null },
    ],
    public_metadata: {},
    last_sign_in_at: null,
    created_at: at - 86_400_000 * 3,
    updated_at: at,
  };
  return JSON.stringify(
    { data, instance_id: "ins_2zPq", object: "event", timestamp: at, type },
    null,
    2,
  );
}

const PATTERN: readonly [string, Outcome, string | null][] = [
  ["user.updated", "processed", null],
  ["user.created", "processed", null],
  ["session.created", "ignored", null],
  ["waitlistEntry.created", "processed", null],
  ["user.created", "refused", "wrong_secret"],
  ["user.deleted", "processed", null],
  ["user.updated", "waiting", null],
  ["user.updated", "stale", null],
  ["user.created", "no_email", null],
  ["waitlistEntry.updated", "off", null],
  ["user.created", "refused", "clock_skew"],
  ["user.created", "processed", null],
  ["user.updated", "failed", null],
  ["user.updated", "duplicate", null],
];

const SENTENCES: Record<Outcome, string> = {
  processed: "The contact was brought up to date.",
  ignored: "Usher does not act on this type. The message is kept for inspection.",
  off: "This event is switched off at the endpoint, so it changed nothing.",
  no_email: "The user has no usable email address, so there is no contact for it.",
  duplicate: "It says what was known already.",
  stale: "It is from 12:04:30; the contact already knows the state of 12:04:31.",
  waiting: "The endpoint is paused. The message is processed when you resume it.",
  failed:
    "The message was kept, but processing it went wrong. It is tried again at the next start.",
  refused: "The message was not trusted and changed nothing.",
};

export function messageOf(id: number, at: number, pick = id): MessageDetail {
  const [type, outcome, reason] = PATTERN[pick % PATTERN.length] ??
    PATTERN[0] ?? ["user.created", "processed", null];
  return makeMessage({ id, at, type, outcome, reason, person: pick });
}

interface Making {
  id: number;
  at: number;
  type: string;
  outcome: Outcome;
  reason: string | null;
  person: number;
  body?: string;
  test?: boolean;
}

export function makeMessage({
  id,
  at,
  type,
  outcome,
  reason,
  person,
  body,
  test,
}: Making): MessageDetail {
  const who = personOf(person);
  const text = body ?? bodyOf(type, person, at - 400);
  const refused = outcome === "refused";
  const skew = reason === "clock_skew";
  const why = skew
    ? "It was signed 12 minutes before it arrived; five are allowed. Check the clock of this machine."
    : "The signature was made with another secret. Compare the endpoint's signing secret with the one Clerk shows.";
  const steps: Step[] = refused
    ? [
        {
          name: "signature",
          state: "failed",
          title: skew ? "Signed too long ago" : "No secret fits the signature",
          detail: "kept for inspection",
          afterUs: 180,
        },
        { name: "stored", state: "done", title: "Stored as refused", detail: null, afterUs: 2100 },
        {
          name: "answered",
          state: "done",
          title: "Answered 400",
          detail: "Svix tries again later",
          afterUs: 2600,
        },
      ]
    : [
        {
          name: "signature",
          state: "done",
          title: "Signature valid",
          detail: "key 1 of 2 · 0.4 s old",
          afterUs: 100,
        },
        { name: "stored", state: "done", title: "Stored durably", detail: null, afterUs: 2600 },
        outcome === "processed"
          ? {
              name: "contact",
              state: "done",
              title: "Contact updated",
              detail: who.email,
              afterUs: 2800,
            }
          : {
              name: "contact",
              state: outcome === "waiting" ? "waiting" : "skipped",
              title: "No contact touched",
              detail: null,
              afterUs: null,
            },
        {
          name: "event",
          state: outcome === "processed" ? "done" : "skipped",
          title: `Event clerk.${type}`,
          detail: null,
          afterUs: outcome === "processed" ? 2900 : null,
        },
        { name: "answered", state: "done", title: "Answered 200", detail: null, afterUs: 3000 },
      ];
  return {
    id,
    svixId: `msg_2zR0vYh1kQ3wX8c4LmTn${id.toString(36).padStart(4, "0")}`,
    type,
    outcome,
    reason,
    endpoint: "Clerk",
    endpointId: 1,
    environmentId: 1,
    subject: refused
      ? null
      : outcome === "no_email"
        ? "phone only"
        : type.startsWith("session")
          ? "sess_2zQ8…"
          : who.email,
    receivedAt: at,
    status: refused ? 400 : 200,
    duplicates: id % 9 === 0 ? 2 : 0,
    test: test ?? false,
    pinned: false,
    originId: null,
    againstId: null,
    forward: id % 23 === 0 ? "waiting" : null,
    sentence: refused ? why : SENTENCES[outcome],
    answer: refused ? "Refused: the signature does not fit." : "Stored and processed.",
    steps,
    touched:
      outcome === "processed"
        ? [
            {
              contactId: (person % PEOPLE.length) + 1,
              email: who.email,
              exists: true,
              what: "updated",
              changes: [
                { field: "lastName", from: `${who.last}-Lind`, to: who.last },
                { field: "email", from: `${who.first.toLowerCase()}@gmail.com`, to: who.email },
                { field: "userGroup", from: null, to: "Waitlist" },
              ],
            },
          ]
        : [],
    headers: [
      { name: "host", value: "calm-fox-12.example.net" },
      { name: "content-type", value: "application/json" },
      { name: "svix-id", value: `msg_2zR0vYh1kQ3wX8c4LmTn${id.toString(36).padStart(4, "0")}` },
      { name: "svix-timestamp", value: String(Math.floor(at / 1000)) },
      { name: "svix-signature", value: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=" },
      {
        name: "user-agent",
        value: "Svix-Webhooks/1.62.0 (sender-9YMgn; +https://www.svix.com/http-sender/)",
      },
    ],
    bodySize: text.length,
    bodyText: text,
    bodyBase64: null,
    verification: {
      verified: !refused,
      sentence: refused ? why : "The signature fits the secret that ends in 7Qd2.",
      secretHint: refused ? null : "7Qd2",
      ageS: skew ? 720 : 0,
    },
    instanceId: "ins_2zPq",
    otherInstance: false,
    lastDuplicateAt: id % 9 === 0 ? at + 60_000 : null,
    alteredDuplicate: id % 18 === 0,
    events: outcome === "processed" ? [`clerk.${type}`] : [],
  };
}

export function contactOf(id: number, at: number): ContactDetail {
  const who = personOf(id - 1);
  const user = id % 4 !== 2;
  return {
    id,
    environmentId: 1,
    email: who.email,
    userId: user ? who.userId : null,
    firstName: who.first,
    lastName: who.last,
    userGroup: id % 3 === 0 ? null : user ? "Customers" : "Waitlist",
    lists: id % 2 === 0 ? ["Product news", "Beta"] : [],
    listIds: id % 2 === 0 ? [1, 2] : [],
    source: "Clerk webhook",
    subscribed: id % 6 !== 5,
    createdAt: at - 86_400_000 * 10,
    updatedAt: at,
    deletedInClerkAt: null,
    waitlistStatus: user ? null : "pending",
    edited: id === 3 ? ["lastName"] : [],
    raw: bodyOf("user.updated", id - 1, at),
    rawMessageId: id,
  };
}

export function eventSettings(): EventSettings[] {
  return TYPES.map((event) => ({
    event,
    enabled: event !== "waitlistEntry.updated",
    firstName: true,
    lastName: true,
    userGroup: event.startsWith("waitlist") ? "Waitlist" : null,
    mailingLists: [],
    customEvent: null,
  }));
}

export function endpointOf(
  id: number,
  name: string,
  environmentId: number,
  secrets: number,
  now: number,
): EndpointDetail {
  const token = `ep_k3v9x${id}`;
  return {
    id,
    environmentId,
    environment: environmentId === 1 ? "Development" : "Production",
    name,
    token,
    path: `/in/${token}`,
    url: `http://127.0.0.1:4870/in/${token}`,
    state: secrets === 0 ? "needsSecret" : id === 1 ? "receiving" : "waiting",
    paused: false,
    secrets,
    enabledEvents: TYPES.filter((type) => type !== "waitlistEntry.updated"),
    lastMessageAt: id === 1 ? now - 31_000 : null,
    messages24h: id === 1 ? 1713 : 0,
    refused24h: id === 1 ? 14 : 0,
    settings: { onDelete: "unsubscribe", events: eventSettings() },
    signingSecrets: Array.from({ length: secrets }, (_, at) => ({
      id: at + 1,
      hint: at === 0 ? "7Qd2" : "x9Lm",
      addedAt: now - 86_400_000 * 4,
      lastVerifiedAt: id === 1 ? now - 31_000 : null,
      readable: true,
    })),
    lastVerified: id === 1 ? { id: 2318, kind: "user.updated", receivedAt: now - 31_000 } : null,
    hours: Array.from({ length: 24 }, (_, at) => ({
      startAt: Math.floor(now / 3_600_000) * 3_600_000 - (23 - at) * 3_600_000,
      accepted: id === 1 ? Math.round(20 + 90 * Math.sin((at / 24) * Math.PI) ** 2) : 0,
      refused: id === 1 && [8, 14, 15].includes(at) ? 9 : 0,
    })),
    week: TYPES.map((kind, at) => ({
      kind,
      count: id === 1 ? ([412, 1204, 9, 88, 0][at] ?? 0) : 0,
    })),
    unkept: null,
  };
}
