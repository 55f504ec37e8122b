import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { ListenerStatus } from "../../ipc/gen/ListenerStatus";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { Tone } from "../../lib/outcome";
import { Card } from "../../parts/Card";
import { Dot } from "../../parts/Dot";
import { Time } from "../../parts/Time";
import { reasonOf } from "./refused";
import styles from "./SetupCard.module.css";

/** What stands between an endpoint and its first contact, step by step. */
export function SetupCard(props: {
  endpoint: EndpointDetail;
  listener: ListenerStatus | undefined;
  copied: string | null;
  /** The message that was refused last. */
  refused: MessageRow | undefined;
}) {
  const { endpoint, listener, copied, refused } = props;
  const listening = listener?.state === "listening";
  const verified = endpoint.lastVerified;
  const isCopied = copied === endpoint.url;
  return (
    <Card title="Set-up">
      <ol className={styles.steps}>
        <Step
          tone={listening ? "green" : listener?.state === "failed" ? "red" : "grey"}
          state={listening ? "done" : "to do"}
          note={listening ? undefined : <Link to="/settings">Settings → Listener</Link>}
        >
          {listening
            ? `Listener running on port ${listener.port}`
            : listener?.state === "failed"
              ? "Listener failed to start"
              : "Listener not running"}
        </Step>
        <Step
          tone={isCopied ? "green" : "grey"}
          state={isCopied ? "done" : "to do"}
          note={
            isCopied
              ? undefined
              : verified
                ? "In case Clerk does not have it yet"
                : "Then paste it into Clerk, with your tunnel’s address"
          }
        >
          {isCopied ? "URL copied" : "Copy the URL"}
        </Step>
        <Step
          tone={endpoint.secrets > 0 ? "green" : "amber"}
          state={endpoint.secrets > 0 ? "done" : "to do"}
          note={endpoint.secrets > 0 ? undefined : "Messages are refused until it is here"}
        >
          {endpoint.secrets > 0 ? "Signing secret saved" : "Paste the signing secret"}
        </Step>
        <Step
          tone={verified ? "green" : refused ? "red" : "grey"}
          state={verified ? "done" : refused ? "failed" : "to do"}
          note={
            verified ? (
              <Link to="/messages" search={{ id: verified.id }}>
                {verified.kind}, <Time at={verified.receivedAt} mode="clock" />
              </Link>
            ) : refused ? (
              <>
                <Link to="/messages" search={{ id: refused.id }}>
                  {refused.type || "No readable type"},{" "}
                  <Time at={refused.receivedAt} mode="clock" />
                </Link>
                : {reasonOf(refused)}. Put it right, then verify it again.
              </>
            ) : (
              "Send a test event, or Clerk → Testing → Send Example"
            )
          }
        >
          {verified
            ? "First message verified"
            : refused
              ? "A message arrived and was refused"
              : "Receive the first message"}
        </Step>
      </ol>
    </Card>
  );
}

function Step(props: { tone: Tone; state: string; note?: ReactNode; children: ReactNode }) {
  return (
    <li className={styles.step}>
      <Dot tone={props.tone} />
      <div>
        <span className="visually-hidden">{props.state}: </span>
        {props.children}
        {props.note ? <div className={styles.note}>{props.note}</div> : null}
      </div>
    </li>
  );
}
