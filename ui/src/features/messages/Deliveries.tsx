import { Link } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import type { DeliveryAttempt } from "../../ipc/gen/DeliveryAttempt";
import type { DeliveryRow } from "../../ipc/gen/DeliveryRow";
import { useAct, useRpc } from "../../ipc/hooks";
import { useTicking } from "../../lib/now";
import { count } from "../../lib/number";
import type { Tone } from "../../lib/outcome";
import { relative } from "../../lib/time";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Dot } from "../../parts/Dot";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconChevronDown, IconChevronRight } from "../../parts/icons";
import { LinkButton } from "../../parts/LinkButton";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import s from "./Deliveries.module.css";

const STATES: Record<DeliveryRow["state"], { word: string; tone: Tone }> = {
  done: { word: "Delivered", tone: "green" },
  waiting: { word: "Waiting", tone: "amber" },
  failed: { word: "Given up", tone: "red" },
};

/** Where a message was forwarded to, every attempt with its answer, and when the next one is due. */
export function Deliveries({ messageId }: { messageId: number }) {
  const list = useRpc("forwards", "deliveries", { messageId }, { every: 500 });
  if (list.error !== null) {
    return (
      <ErrorNote error={list.error} title="Deliveries not read" retry={() => void list.refetch()} />
    );
  }
  if (list.data === undefined) return <Skeleton lines={3} />;
  if (list.data.length === 0) {
    return (
      <div className={s.empty}>
        <p>
          This message was not forwarded. A forward sends a copy of each accepted message to the app
          you are building; add one on the endpoint's page.
        </p>
        <LinkButton size="sm" to="/endpoints">
          Open endpoints
        </LinkButton>
      </div>
    );
  }
  return (
    <ul className={s.list}>
      {list.data.map((row) => (
        <Delivery key={row.id} row={row} />
      ))}
    </ul>
  );
}

function Delivery({ row }: { row: DeliveryRow }) {
  const retry = useAct("forwards", "retry", { toastError: false });
  const state = STATES[row.state];
  const attempts = row.attempts.toSorted((a, b) => b.at - a.at || b.id - a.id);
  return (
    <li className={s.delivery} aria-label={`Delivery to ${row.url}`}>
      <div className={s.head}>
        <Dot tone={state.tone} />
        <span className={s.word}>{state.word}</span>
        <code className={s.url} title={row.url}>
          {row.url}
        </code>
        {row.state !== "done" && (
          <Button
            size="sm"
            busy={retry.isPending}
            aria-label={`Try now: ${row.url}`}
            onClick={() => retry.mutate({ id: row.id })}
          >
            Try now
          </Button>
        )}
      </div>
      <p className={s.next}>
        <Next row={row} />
      </p>
      {retry.error !== null && (
        <div className={s.error}>
          <ErrorNote error={retry.error} title="Not tried" />
        </div>
      )}
      {attempts.length > 0 && (
        <ol className={s.attempts} aria-label="Attempts, newest first">
          {attempts.map((attempt, at) => (
            <Attempt key={attempt.id} attempt={attempt} number={attempts.length - at} />
          ))}
        </ol>
      )}
    </li>
  );
}

function Next({ row }: { row: DeliveryRow }) {
  const tried = row.attempts.length;
  if (row.state === "done") {
    return tried > 1 ? <>After {plural(tried, "attempt")}</> : <>At the first attempt</>;
  }
  if (row.state === "failed") {
    return (
      <>No more attempts after {tried === 1 ? "one" : count(tried)}. “Try now” makes another.</>
    );
  }
  if (row.behindId !== null) {
    return (
      <>
        It goes after <Earlier row={row} id={row.behindId} />, which is tried first. “Try now” tries
        that one.
      </>
    );
  }
  if (row.dueAt === null) {
    return <>Its turn comes after the messages before it, or when the forward is resumed.</>;
  }
  return <Due at={row.dueAt} what={tried === 0 ? "First" : "Next"} />;
}

/** When the attempt comes. One that is due already waits for an earlier message about the same object. */
function Due({ at, what }: { at: number; what: string }) {
  const soon = useTicking(useCallback((now: number) => until(at, now), [at]));
  if (soon === "") return <>Waits for its turn</>;
  return (
    <>
      {what} attempt {soon} (<Time at={at} mode="clock" />)
    </>
  );
}

function Earlier({ row, id }: { row: DeliveryRow; id: number }) {
  if (id === row.messageId) return <>an earlier delivery of this message</>;
  return (
    <Link to="/messages" search={{ id }} className={s.earlier}>
      message {id}
    </Link>
  );
}

/** "in 4 s", or nothing when it is over. */
function until(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000);
  if (seconds <= 0) return "";
  return seconds < 60 ? `in ${seconds} s` : relative(at, now);
}

function Attempt({ attempt, number }: { attempt: DeliveryAttempt; number: number }) {
  const [open, setOpen] = useState(false);
  const answered = attempt.status !== null;
  const fine = attempt.problem === null;
  const status = attempt.status === null ? "No answer" : String(attempt.status);
  return (
    <li className={s.attempt}>
      <div className={s.line}>
        <span className={s.number}>{number}</span>
        <Time at={attempt.at} mode="exact" />
        <span className={s.status}>
          <Dot tone={fine ? "green" : "red"} />
          {status}
          <span className="visually-hidden">{fine ? ", delivered" : ", failed"}</span>
        </span>
        <span className={s.took}>{took(attempt.tookMs)}</span>
        {answered && (
          <Button
            variant="quiet"
            size="sm"
            className={s.toggle}
            aria-expanded={open}
            aria-label={`Answer to attempt ${number}`}
            onClick={() => setOpen(!open)}
          >
            {open ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
            Answer
          </Button>
        )}
      </div>
      {attempt.problem !== null && <p className={s.problem}>{attempt.problem}</p>}
      {open && <Answer attempt={attempt} />}
    </li>
  );
}

function Answer({ attempt }: { attempt: DeliveryAttempt }) {
  return (
    <div className={s.answer}>
      {attempt.headers.length > 0 && (
        <dl className={s.headers}>
          {attempt.headers.map((header, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a header may come twice, and the list never changes
            <div key={at} className={s.header}>
              <dt>{header.name}</dt>
              <dd>{header.value}</dd>
            </div>
          ))}
        </dl>
      )}
      {attempt.body === "" ? (
        <p className={s.nothing}>The body of the answer is empty.</p>
      ) : (
        <div className={s.body}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
          <pre className={s.text} tabIndex={0}>
            {attempt.body}
          </pre>
          <div className={s.copy}>
            <CopyButton iconOnly text={attempt.body} what="Copy the body of the answer" />
          </div>
        </div>
      )}
    </div>
  );
}

function took(ms: number): string {
  return ms < 1000 ? `${count(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
