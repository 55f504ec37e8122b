import { terms } from "../lib/terms";
import type { ExplainedSearch } from "./gen/ExplainedSearch";
import type { MessageDetail } from "./gen/MessageDetail";
import type { SearchProblem } from "./gen/SearchProblem";

/** A little of the engine's search, for tests and for `npm run dev`. Never part of what is shipped. */

const FIELDS: Record<string, { what: string; values: readonly string[] }> = {
  type: {
    what: "Clerk's type; * stands for anything: user.*",
    values: ["session.created", "user.created", "user.deleted", "user.updated"],
  },
  status: {
    what: "What became of it, or the HTTP status answered",
    values: ["processed", "ignored", "off", "no_email", "duplicate", "stale", "waiting", "refused"],
  },
  endpoint: { what: "Name of the endpoint", values: ["Clerk", '"Marketing site"'] },
  reason: { what: "Named reason, such as wrong_secret", values: ["wrong_secret", "clock_skew"] },
  email: { what: "Email of whom it is about; its beginning or @domain is enough", values: [] },
  user: { what: "Clerk's user ID", values: [] },
  id: { what: "Message, svix-id or the object's ID", values: [] },
  body: { what: "Words of the body", values: [] },
  before: { what: "Received before a date, or 2 days ago", values: ["today", "yesterday"] },
  after: { what: "Received since a date, or 2 days ago", values: ["today", "yesterday"] },
  larger: { what: "Body larger than 10k", values: ["10k", "100k"] },
  smaller: { what: "Body smaller than 10k", values: ["10k", "100k"] },
  is: {
    what: "A state of the message",
    values: ["duplicate", "replayed", "refused", "stale", "ignored", "pinned", "forwarded", "test"],
  },
  has: { what: "Something the message has", values: ["error", "change"] },
};

function problemOf(query: string): SearchProblem | null {
  for (const term of terms(query) ?? []) {
    const { field, start, end } = term;
    if (field === null) continue;
    const known = FIELDS[field];
    if (known === undefined)
      return { sentence: `There is no field ${field}:. Did you mean type:?`, start, end };
    if (term.value === "") return { sentence: `${field}: needs a value.`, start, end };
    if (["is", "has"].includes(field) && !known.values.includes(term.value))
      return {
        sentence: `${field}: does not take "${term.value}". It takes ${known.values.join(", ")}.`,
        start,
        end,
      };
  }
  return null;
}

/** The sentence with which the engine would refuse this search. */
export function refusal(query: string | undefined): string | null {
  return problemOf(query ?? "")?.sentence ?? null;
}

export function explain({ query, caret }: { query: string; caret?: number }): ExplainedSearch {
  const end = caret ?? query.length;
  const before = query.slice(0, end);
  let start = Math.max(before.lastIndexOf(" "), before.lastIndexOf("(")) + 1;
  if (query.charAt(start) === "-") start += 1;
  const typed = query.slice(start, end);
  const [field = "", value] = typed.split(":");
  const offers =
    value === undefined
      ? Object.entries(FIELDS)
          .filter(([name]) => name.startsWith(typed))
          .map(([name, { what }]) => ({ text: `${name}:`, what, start, end }))
      : (FIELDS[field]?.values ?? [])
          .filter((one) => one.startsWith(value))
          .map((one) => ({ text: `${field}:${one}`, what: "", start, end }));
  return {
    terms: (terms(query) ?? []).map(({ whole: _, ...term }) => term),
    problem: problemOf(query),
    offers: offers.slice(0, 12),
  };
}

/** Whether a message is found; OR and brackets are not understood here. */
export function finds(query: string | undefined, row: MessageDetail): boolean {
  const text = [row.type, row.subject, row.svixId, row.outcome, row.reason?.replace("_", " ")]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
  return (terms(query ?? "") ?? []).every((term) => {
    const value = term.value.toLowerCase();
    const fits = (): boolean => {
      switch (term.field) {
        case null:
          return text.includes(value);
        case "type":
          return value.endsWith("*")
            ? row.type.toLowerCase().startsWith(value.slice(0, -1))
            : row.type.toLowerCase() === value;
        case "status":
          return row.outcome === value || String(row.status) === value;
        case "email":
          return row.subject?.startsWith(value) ?? false;
        case "is":
          return value === "pinned"
            ? row.pinned
            : value === "test"
              ? row.test
              : value === "replayed"
                ? row.originId !== null
                : row.outcome === value;
        case "id":
          return row.svixId === term.value || String(row.id) === value;
        case "body":
          return row.bodyText?.toLowerCase().includes(value) ?? false;
        default:
          return true;
      }
    };
    return fits() !== term.negated;
  });
}
