import { Link } from "@tanstack/react-router";
import type { ListenerState } from "../ipc/gen/ListenerState";
import { useRpc } from "../ipc/hooks";
import { cx } from "../lib/cx";
import type { Tone } from "../lib/outcome";
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
  const restarting = state === "restarting";
  const { word, tone } = said(state, port);
  return (
    <Link
      to="/settings"
      className={cx(s.card, failed && s.failed, restarting && s.restarting, rail && s.rail)}
      title={problem ?? `${word}\n${url}`}
    >
      <span className={s.title} role={failed ? "alert" : undefined}>
        <Dot tone={tone} />
        <span className={rail ? "visually-hidden" : undefined}>{word}</span>
      </span>
      {!rail &&
        (problem !== null && (failed || restarting) ? (
          <span className={s.problem}>{problem}</span>
        ) : (
          <span className={s.url}>{bare(url)}</span>
        ))}
    </Link>
  );
}

function said(state: ListenerState, port: number): { word: string; tone: Tone } {
  switch (state) {
    case "listening":
      return { word: `Listening on ${port}`, tone: "green" };
    case "restarting":
      return { word: "Restarting", tone: "amber" };
    case "failed":
      return { word: "Not listening", tone: "red" };
    case "stopped":
      return { word: "Stopped", tone: "grey" };
  }
}

function bare(url: string): string {
  return url.replace(/^https?:\/\//, "");
}
