import type { SentTest } from "../../ipc/gen/SentTest";
import { Badge } from "../../parts/Badge";
import { LinkButton } from "../../parts/LinkButton";
import s from "./Result.module.css";

/** What the listener answered. */
export function Result({ sent, onOpen }: { sent: SentTest; onOpen: () => void }) {
  const accepted = sent.status >= 200 && sent.status < 300;
  return (
    <div className={s.result}>
      <Badge tone={accepted ? "green" : "red"}>
        {accepted ? `Accepted ${sent.status}` : `Refused ${sent.status}`}
      </Badge>
      <p className={s.answer} title={sent.answer}>
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
