import type { Flaw } from "../../ipc/gen/Flaw";
import type { Played } from "../../ipc/gen/Played";
import type { SentTest } from "../../ipc/gen/SentTest";
import { Badge } from "../../parts/Badge";
import { LinkButton } from "../../parts/LinkButton";
import s from "./Result.module.css";
import { searchFor } from "./words";

interface ResultProps {
  sent: SentTest;
  flaw: Flaw | null;
  onOpen: () => void;
}

/** What the listener answered. */
export function Result({ sent, flaw, onOpen }: ResultProps) {
  const accepted = sent.status >= 200 && sent.status < 300;
  return (
    <div className={s.result}>
      <Badge tone={accepted ? "green" : "red"}>
        {accepted ? `Accepted ${sent.status}` : `Refused ${sent.status}`}
      </Badge>
      <p className={s.answer} title={sent.answer}>
        {!accepted && flaw !== null && "As it should be. "}
        {sent.answer} <span className={s.took}>{sent.tookMs} ms</span>
      </p>
      {sent.messageId !== null && (
        <LinkButton size="sm" to="/messages" search={{ id: sent.messageId }} onClick={onOpen}>
          Open message
        </LinkButton>
      )}
    </div>
  );
}

/** What came of a scenario. */
export function PlayedResult({ played, onOpen }: { played: Played; onOpen: () => void }) {
  return (
    <div className={s.result}>
      <Badge tone={played.surprises === 0 ? "green" : "red"}>
        {played.surprises === 0 ? "As expected" : `Unexpected ${played.surprises}`}
      </Badge>
      <p className={s.answer} title={played.sentence}>
        {played.sentence}
      </p>
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
