import type { Played } from "../../ipc/gen/Played";
import { Badge } from "../../parts/Badge";
import { LinkButton } from "../../parts/LinkButton";
import s from "../../parts/Sent.module.css";
import { searchFor } from "./words";

/** What came of a scenario. */
export function PlayedResult({ played, onOpen }: { played: Played; onOpen: () => void }) {
  return (
    <div className={s.result}>
      <Badge tone={played.surprises === 0 ? "green" : "red"}>
        {played.surprises === 0 ? "As expected" : `Unexpected ${played.surprises}`}
      </Badge>
      <p className={s.answer}>{played.sentence}</p>
      {played.messageIds.length > 0 && (
        <LinkButton size="sm" to="/messages" search={searchFor(played.messageIds)} onClick={onOpen}>
          {played.messageIds.length === 1 ? "Open message" : "Show messages"}
        </LinkButton>
      )}
    </div>
  );
}

/** A scenario under way. */
export function Playing({ messages }: { messages: string }) {
  return (
    <div className={s.result}>
      <progress className={s.progress} aria-label="Playing the scenario" />
      <p className={s.answer}>Sending {messages}…</p>
    </div>
  );
}
