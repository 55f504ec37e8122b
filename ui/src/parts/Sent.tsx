import type { Flaw } from "../ipc/gen/Flaw";
import type { SentTest } from "../ipc/gen/SentTest";
import { useRpc } from "../ipc/hooks";
import { Badge } from "./Badge";
import { LinkButton } from "./LinkButton";
import { OutcomeBadge } from "./OutcomeBadge";
import s from "./Sent.module.css";

interface SentProps {
  sent: SentTest;
  flaw: Flaw | null;
  onOpen: () => void;
}

/** What the listener answered, and what became of the message. */
export function Sent({ sent, flaw, onOpen }: SentProps) {
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
