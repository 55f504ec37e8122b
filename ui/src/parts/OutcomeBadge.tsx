import type { Outcome } from "../ipc/gen/Outcome";
import { outcomeWord } from "../lib/outcome";
import { Badge } from "./Badge";

/** What became of a message, with the named reason when it was refused. */
export function OutcomeBadge({ outcome, reason }: { outcome: Outcome; reason: string | null }) {
  const { word, tone } = outcomeWord(outcome, reason);
  return <Badge tone={tone}>{word}</Badge>;
}
