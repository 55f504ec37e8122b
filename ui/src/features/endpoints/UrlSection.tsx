import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { ListenerStatus } from "../../ipc/gen/ListenerStatus";
import { CopyButton } from "../../parts/CopyButton";
import { Dot } from "../../parts/Dot";
import styles from "./endpoint.module.css";

/** The address for Clerk, where to paste it, and how Clerk gets through to it. */
export function UrlSection(props: {
  endpoint: EndpointDetail;
  listener: ListenerStatus | undefined;
  copied: string | null;
  onCopied: () => void;
}) {
  const { endpoint, listener, copied, onCopied } = props;
  const changed = copied !== null && copied !== endpoint.url;
  const port = listener?.port ?? 4870;
  return (
    <section aria-label="Endpoint URL" className={styles.section}>
      <h2 className={styles.label}>
        Endpoint URL <span>Paste into Clerk → Configure → Webhooks → + Add Endpoint</span>
      </h2>
      <div className={styles.box}>
        <code className={styles.value}>{endpoint.url}</code>
        <CopyButton text={endpoint.url} what="Copy endpoint URL" size="sm" onCopied={onCopied} />
      </div>
      {changed ? (
        <p className={styles.state}>
          <Dot tone="amber" />
          <span>
            Changed since you copied it. Put the new URL into Clerk too. You copied{" "}
            <code>{copied}</code>
          </span>
        </p>
      ) : null}
      <p className={styles.state}>
        {listener === undefined ? null : listener.state === "listening" ? (
          <>
            <Dot tone="green" />
            <span>Listening on this machine, port {listener.port}</span>
          </>
        ) : (
          <>
            <Dot tone={listener.state === "failed" ? "red" : "grey"} />
            <span>
              Not listening. {listener.problem ?? "Usher was asked not to listen in this process."}
            </span>
          </>
        )}
      </p>
      <details className={styles.tunnel} open={endpoint.lastVerified === null}>
        <summary>Clerk reaches 127.0.0.1 only through a tunnel</summary>
        <p>Run one of these, then paste its address followed by the path into Clerk.</p>
        <ul>
          <Command
            text={`cloudflared tunnel --url http://127.0.0.1:${port}`}
            what="cloudflared command"
          />
          <Command text={`ngrok http ${port}`} what="ngrok command" />
          <Command text={endpoint.path} what="path" note="path to append" />
        </ul>
      </details>
    </section>
  );
}

function Command({ text, what, note }: { text: string; what: string; note?: string }) {
  return (
    <li>
      <code>{text}</code>
      {note ? <span>{note}</span> : null}
      <CopyButton text={text} what={`Copy ${what}`} size="sm" iconOnly />
    </li>
  );
}
