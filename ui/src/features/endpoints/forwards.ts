import type { ForwardRow } from "../../ipc/gen/ForwardRow";
import type { Tone } from "../../lib/outcome";
import { plural } from "../../lib/words";

/** How a forward is doing: a word, its colour, and what there is to add. */
export function forwardState(row: ForwardRow): { word: string; tone: Tone; more: string | null } {
  const waiting = row.waiting === 0 ? null : `${plural(row.waiting, "message")} waiting`;
  if (!row.enabled) return { word: "Paused", tone: "grey", more: waiting };
  if (row.lastProblem !== null) return { word: "Failing", tone: "red", more: waiting };
  if (row.waiting > 0) return { word: `Waiting ${row.waiting}`, tone: "amber", more: null };
  if (row.lastAt === null) return { word: "Nothing forwarded yet", tone: "grey", more: null };
  return { word: "OK", tone: "green", more: null };
}

/** What a forward does differently from a plain one, in a few words each. */
export function forwardTraits(row: ForwardRow): string[] {
  const traits = [row.types.length === 0 ? "all events" : row.types.join(", ")];
  if (row.signature === "fresh") {
    traits.push(
      row.secretHint === null ? "signed anew" : `signed anew with whsec_…${row.secretHint}`,
    );
  }
  if (row.headers.length > 0) traits.push(plural(row.headers.length, "extra header"));
  if (row.retries === "none") traits.push("no retries");
  if (row.allowPublic) traits.push("may leave this machine");
  return traits;
}

/** Types or patterns as they are typed, with blanks or commas between them. */
export function readTypes(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** What is wrong with the address of a forward, as far as it can be told without asking. */
export function urlProblem(text: string): string | null {
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(text)?.[0].toLowerCase();
  if (scheme === undefined) return "Begin it with http:// or https://.";
  if (scheme !== "http://" && scheme !== "https://") {
    return `Only http:// and https:// can be forwarded to, not ${scheme}`;
  }
  return URL.canParse(text) ? null : "This is not an address a request can go to.";
}
