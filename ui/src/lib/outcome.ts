import type { Outcome } from "../ipc/gen/Outcome";

/** The five things colour may say. */
export type Tone = "green" | "amber" | "red" | "grey" | "blue";

const WORDS: Record<Outcome, { word: string; tone: Tone }> = {
  processed: { word: "Processed", tone: "green" },
  ignored: { word: "Ignored", tone: "grey" },
  off: { word: "Off", tone: "grey" },
  no_email: { word: "No email", tone: "grey" },
  duplicate: { word: "Duplicate", tone: "grey" },
  stale: { word: "Stale", tone: "grey" },
  waiting: { word: "Waiting", tone: "amber" },
  failed: { word: "Failed", tone: "red" },
  refused: { word: "Refused", tone: "red" },
};

const REASONS: Record<string, string> = {
  wrong_secret: "Wrong secret",
  missing_headers: "Missing headers",
  clock_skew: "Clock skew",
  no_secret: "No secret set",
  body_altered: "Body altered",
  other_endpoints_secret: "Other endpoint's secret",
  too_large: "Too large",
  not_json: "Not JSON",
  bad_timestamp: "Bad timestamp",
};

/** What became of a message in one or two words, and the colour that goes with them. */
export function outcomeWord(outcome: Outcome, reason: string | null): { word: string; tone: Tone } {
  const known = WORDS[outcome];
  if (outcome !== "refused" || reason === null) return known;
  const text = reason.replaceAll("_", " ");
  return { word: REASONS[reason] ?? text.charAt(0).toUpperCase() + text.slice(1), tone: "red" };
}
