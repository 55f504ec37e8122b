import { Link } from "@tanstack/react-router";
import { useRpc } from "../ipc/hooks";
import { cx } from "../lib/cx";
import { Dot } from "../parts/Dot";
import s from "./ListenerCard.module.css";

/** Whether messages can arrive, and where; in red with the reason when they cannot. */
export function ListenerCard({ rail }: { rail: boolean }) {
  const status = useRpc("app", "status", {});
  if (status.data === undefined) {
    if (status.error === null) return null;
    return (
      <div className={cx(s.card, s.failed)} role="alert">
        <p className={s.title}>
          <Dot tone="red" />
          {!rail && "No answer"}
        </p>
        {!rail && <p className={s.problem}>{status.error.message}</p>}
      </div>
    );
  }
  const { state, port, url, problem } = status.data.listener;
  const failed = state === "failed";
  const word =
    state === "listening" ? `Listening on ${port}` : failed ? "Not listening" : "Stopped";
  return (
    <Link
      to="/settings"
      className={cx(s.card, failed && s.failed, rail && s.rail)}
      title={problem ?? `${word}\n${url}`}
    >
      <span className={s.title} role={failed ? "alert" : undefined}>
        <Dot tone={state === "listening" ? "green" : failed ? "red" : "grey"} />
        <span className={rail ? "visually-hidden" : undefined}>{word}</span>
      </span>
      {!rail &&
        (failed ? (
          <span className={s.problem}>{problem}</span>
        ) : (
          <span className={s.url}>{bare(url)}</span>
        ))}
    </Link>
  );
}

function bare(url: string): string {
  return url.replace(/^https?:\/\//, "");
}
