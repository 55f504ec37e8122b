import type { AppStatus } from "../../ipc/gen/AppStatus";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { EndpointRow } from "../../ipc/gen/EndpointRow";

const EVENTS = [
  "user.created",
  "user.updated",
  "user.deleted",
  "waitlistEntry.created",
  "waitlistEntry.updated",
];

export const ROW: EndpointRow = {
  id: 4,
  environmentId: 1,
  environment: "Development",
  name: "Clerk · development",
  token: "ep_k3v9x",
  path: "/in/ep_k3v9x",
  url: "http://127.0.0.1:4870/in/ep_k3v9x",
  state: "receiving",
  paused: false,
  secrets: 1,
  enabledEvents: EVENTS.slice(0, 4),
  lastMessageAt: Date.UTC(2026, 10, 20, 12),
  messages24h: 20,
  refused24h: 2,
};

export const DETAIL: EndpointDetail = {
  ...ROW,
  settings: {
    onDelete: "unsubscribe",
    events: EVENTS.map((event, at) => ({
      event,
      enabled: at < 4,
      firstName: true,
      lastName: true,
      userGroup: null,
      mailingLists: [],
      customEvent: null,
    })),
  },
  signingSecrets: [
    { id: 7, hint: "7Qd2", addedAt: Date.UTC(2026, 10, 14), lastVerifiedAt: null, readable: true },
  ],
  lastVerified: { id: 90, kind: "user.created", receivedAt: Date.UTC(2026, 10, 20, 12) },
  hours: Array.from({ length: 24 }, (_, hour) => ({
    startAt: Date.UTC(2026, 10, 20, hour),
    accepted: hour === 3 ? 18 : 0,
    refused: hour === 4 ? 2 : 0,
  })),
  week: [{ kind: "user.created", count: 412 }],
  unkept: null,
};

export const STATUS: AppStatus = {
  version: "0.1.0",
  dataDir: "/home/ada/.local/share/usher",
  databaseFile: "/home/ada/.local/share/usher/usher.db",
  startedAt: Date.UTC(2026, 10, 20),
  keychain: { kind: "system", sentence: "Secrets are in the system keychain." },
  listener: {
    state: "listening",
    port: 4870,
    url: "http://127.0.0.1:4870",
    problem: null,
    since: Date.UTC(2026, 10, 20),
    restarts: 0,
    lastProblem: null,
    lastProblemAt: null,
  },
  storage: { ok: true, problem: null, since: null, note: null },
};
