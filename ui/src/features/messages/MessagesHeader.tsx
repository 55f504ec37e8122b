import { lazy, type ReactNode, Suspense, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import { useRpc } from "../../ipc/hooks";
import { openTest } from "../../lib/bus";
import { zone } from "../../lib/time";
import { Button } from "../../parts/Button";
import { PageHeader } from "../../parts/PageHeader";
import { QueryBox } from "../../parts/QueryBox";
import s from "./MessagesHeader.module.css";

const Help = lazy(async () => ({ default: (await import("./SearchHelp")).SearchHelp }));

/** The id of the sentence that says what is wrong with the search. */
const PROBLEM = "search-problem";

const NOTHING = { query: "" };

interface Asked {
  query: string;
  caret: number;
}

/** The head of the messages: search, what stands behind it, and the test event. */
export function MessagesHeader({
  query,
  onQuery,
  refused,
  children,
}: {
  query: string | undefined;
  onQuery: (query: string | undefined) => void;
  /** Why the search cannot be carried out; told once the word is not being written any more. */
  refused?: string | undefined;
  children?: ReactNode;
}) {
  const { id: environmentId } = useEnvironment();
  const [asked, setAsked] = useState<Asked | null>(null);
  const typing = useRpc(
    "messages",
    "explain",
    asked === null ? NOTHING : { ...asked, environmentId, zone },
    { enabled: asked !== null, keep: true, still: true },
  );
  const offered =
    asked === null || typing.data === undefined || typing.isPlaceholderData
      ? undefined
      : { query: asked.query, offers: typing.data.offers };
  const wrong = refused !== undefined && query !== undefined;
  const explained = useRpc(
    "messages",
    "explain",
    wrong ? { query, environmentId, zone } : NOTHING,
    { enabled: wrong, still: true },
  );
  const problem = explained.data?.problem ?? null;
  const writing =
    asked !== null &&
    offered?.offers.length !== 0 &&
    (problem === null || (asked.caret > problem.start && asked.caret <= problem.end));
  const said = writing ? undefined : refused;
  const part =
    said === undefined || problem === null
      ? undefined
      : query?.slice(problem.start, problem.end) || undefined;
  const put = (text: string) => onQuery(text === "" ? undefined : text);

  return (
    <>
      <PageHeader
        title="Messages"
        actions={
          <Button variant="primary" kbd="t" aria-keyshortcuts="t" onClick={() => openTest()}>
            Send test event
          </Button>
        }
      >
        <QueryBox
          label="Search messages"
          placeholder="Search, or narrow with type: status: email: …"
          value={query ?? ""}
          onChange={put}
          onAsk={setAsked}
          offered={offered}
          wrong={part}
          describedBy={said === undefined ? undefined : PROBLEM}
        >
          <HelpButton onPick={put} />
        </QueryBox>
        {children}
      </PageHeader>
      {said !== undefined && (
        <p id={PROBLEM} className={s.problem} role="status">
          {part !== undefined && <code className={s.part}>{part}</code>}
          <span>{problem?.sentence ?? said}</span>
          <span className={s.still}>The list still shows your last working search.</span>
        </p>
      )}
    </>
  );
}

function HelpButton({ onPick }: { onPick: (query: string) => void }) {
  const [asked, setAsked] = useState(false);
  const button = (
    <button
      type="button"
      className={s.help}
      aria-label="How to search"
      onClick={() => setAsked(true)}
    >
      ?
    </button>
  );
  if (!asked) return button;
  return (
    <Suspense fallback={button}>
      <Help trigger={button} onPick={onPick} />
    </Suspense>
  );
}
