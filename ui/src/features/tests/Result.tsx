import type { Flaw } from "../../ipc/gen/Flaw";
import type { Played } from "../../ipc/gen/Played";
import type { SentTest } from "../../ipc/gen/SentTest";
import { useRpc } from "../../ipc/hooks";
import { Badge } from "../../parts/Badge";
import { LinkButton } from "../../parts/LinkButton";
import { OutcomeBadge } from "../../parts/OutcomeBadge";
import s from "./Result.module.css";
import { searchFor } from "./words";

interface ResultProps {
  sent: SentTest;
  flaw: Flaw | null;
  onOpen: () => void;
}

/** What the listener answered, and what became of the message. */
export function Result({ sent, flaw, onOpen }: ResultProps) {
  const { messageId, status } = sent;
  const message = useRpc(
    "messages",
    "show",
    { id: messageId ?? 0 },
    { enabled: messageId !== null },
  );
  const accepted = status >= 200 && status < 300;
  const answered = `${accepted ? "Accepted" : "Refused"} ${status}`;
  return (
    <div className={s.result}>
      {message.data !== undefined ? (
        <OutcomeBadge outcome={message.data.outcome} reason={message.data.reason} />
      ) : messageId === null || message.isError ? (
        <Badge tone={accepted ? "green" : "red"}>{answered}</Badge>
      ) : null}
      <p className={s.answer}>
        {!accepted && flaw !== null && "As it should be. "}
        {sent.answer}{" "}
        <span className={s.took}>
          {message.data !== undefined && <span>{answered}</span>} in {sent.tookMs} ms
        </span>
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
