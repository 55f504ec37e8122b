import { Fragment, type ReactNode, useMemo, useState } from "react";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import { useRpc } from "../../ipc/hooks";
import { type Difference, diff, isNoise, NOISE, pathText } from "../../lib/diff";
import { isTimeKey, parsedExactly, writtenExactly } from "../../lib/json";
import { unixInWords, unixTime } from "../../lib/time";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { IconChevronDown, IconChevronRight } from "../../parts/icons";
import { LinkButton } from "../../parts/LinkButton";
import { Skeleton } from "../../parts/Skeleton";
import { TextInput } from "../../parts/TextInput";
import { Time } from "../../parts/Time";
import s from "./CompareDialog.module.css";

const STORED = "usher.compare.noise";
const LONG = 400;
const MOST = 500;

const WORDS = { added: "added", removed: "removed", moved: "in another order" };

/** The bodies of two messages, field by field. The earlier one is the one it is compared with. */
export function CompareDialog({
  ids,
  onClose,
}: {
  ids: readonly [number, number];
  onClose: () => void;
}) {
  const [first, second] = ids[0] < ids[1] ? ids : [ids[1], ids[0]];
  const before = useRpc("messages", "show", { id: first }, { still: true });
  const after = useRpc("messages", "show", { id: second }, { still: true });
  const error = before.error ?? after.error;
  return (
    <Dialog
      open
      onClose={onClose}
      title="Compare two messages"
      width={820}
      footer={<Button onClick={onClose}>Close</Button>}
    >
      {error !== null ? (
        <ErrorNote error={error} />
      ) : before.data === undefined || after.data === undefined ? (
        <Skeleton lines={6} />
      ) : (
        <Compared before={before.data} after={after.data} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Compared({
  before,
  after,
  onClose,
}: {
  before: MessageDetail;
  after: MessageDetail;
  onClose: () => void;
}) {
  const [noise, setNoise] = useState(storedNoise);
  const [typed, setTyped] = useState<string | null>(null);
  const found = useMemo(() => compare(before, after), [before, after]);
  const noisy = new Set(noise);
  const plain = found?.filter((one) => !isNoise(one, noisy)) ?? [];
  const quiet = found?.filter((one) => isNoise(one, noisy)) ?? [];

  const keep = (text: string) => {
    const next = text.split(/[\s,]+/).filter(Boolean);
    setNoise(next);
    setTyped(null);
    localStorage.setItem(STORED, next.join(" "));
  };

  return (
    <>
      <div className={s.two}>
        <Side word="Before" message={before} onOpen={onClose} />
        <Side word="After" message={after} onOpen={onClose} />
      </div>
      {found === null ? (
        <p className={s.none}>One of the two bodies is not JSON, so there are no fields.</p>
      ) : (
        <>
          {plain.length === 0 ? (
            <p className={s.none}>
              {quiet.length === 0
                ? "The two bodies say the same."
                : "Nothing differs but the noisy fields below."}
            </p>
          ) : (
            <Table label="Differences" rows={plain} />
          )}
          <Noisy count={quiet.length}>
            {quiet.length > 0 && <Table label="Noisy fields" rows={quiet} />}
            <Field
              label="Fields that are noise"
              hint="Names of keys. What is under them is folded here; kept on this machine."
            >
              {(control) => (
                <div className={s.edit}>
                  <TextInput
                    {...control}
                    value={typed ?? noise.join(" ")}
                    onChange={(event) => setTyped(event.target.value)}
                    onBlur={(event) => keep(event.target.value)}
                    onKeyDown={(event) => {
                      if (event.key === "Enter") keep(event.currentTarget.value);
                    }}
                  />
                  <Button size="sm" variant="quiet" onClick={() => keep(NOISE.join(" "))}>
                    Reset
                  </Button>
                </div>
              )}
            </Field>
          </Noisy>
        </>
      )}
    </>
  );
}

function Side({
  word,
  message,
  onOpen,
}: {
  word: string;
  message: MessageDetail;
  onOpen: () => void;
}) {
  return (
    <div className={s.side}>
      <p className={s.word}>{word}</p>
      <p className={s.type}>{message.type || "No readable type"}</p>
      <p className={s.meta}>
        <span>{message.subject ?? "—"}</span>
        <Time at={message.receivedAt} mode="clock" />
      </p>
      <LinkButton
        size="sm"
        variant="quiet"
        className={s.open ?? ""}
        to="/messages"
        search={{ id: message.id }}
        onClick={onOpen}
        aria-label={`Open the message ${word.toLowerCase()}`}
      >
        Open
      </LinkButton>
    </div>
  );
}

function Noisy({ count, children }: { count: number; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <section className={s.noisy}>
      <button
        type="button"
        className={s.fold}
        aria-expanded={open}
        onClick={() => setOpen((was) => !was)}
      >
        {open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
        {plural(count, "noisy field")}
      </button>
      {open && <div className={s.inside}>{children}</div>}
    </section>
  );
}

function Table({ label, rows }: { label: string; rows: readonly Difference[] }) {
  const now = Date.now();
  return (
    <div className={s.frame}>
      <table className={s.table} aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST).map((row) => {
            const path = pathText(row.path);
            return (
              <tr key={path + row.kind}>
                <th scope="row">
                  <code>{breakable(path)}</code>
                  {row.kind !== "changed" && <span className={s.kind}>{WORDS[row.kind]}</span>}
                </th>
                <td>
                  {row.kind !== "added" && (
                    <Value row={row} value={row.from} side="from" now={now} />
                  )}
                </td>
                <td>
                  {row.kind !== "removed" && <Value row={row} value={row.to} side="to" now={now} />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > MOST && (
        <p className={s.rest}>{plural(rows.length - MOST, "more difference")} not drawn here.</p>
      )}
    </div>
  );
}

/** A path that may be broken between its steps. */
function breakable(path: string): ReactNode[] {
  return path.split(/(?<=\.)|(?=\[)/).map((step, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the steps of one path stay where they are
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {step}
    </Fragment>
  ));
}

function Value({
  row,
  value,
  side,
  now,
}: {
  row: Difference;
  value: unknown;
  side: "from" | "to";
  now: number;
}) {
  const text = writtenExactly(value);
  const time = timeOf(row, value);
  return (
    <>
      <code className={s[side]} title={text.length > LONG ? text : undefined}>
        {text === "" ? '""' : text.length > LONG ? `${text.slice(0, LONG)}…` : text}
      </code>
      {time !== null && <span className={s.time}>{unixInWords(time, now)}</span>}
    </>
  );
}

function timeOf({ path }: Difference, value: unknown): number | null {
  if (typeof value !== "number") return null;
  const key = path.findLast((step) => typeof step === "string");
  const at = unixTime(value);
  return at !== null && (value > 1e12 || isTimeKey(`"${String(key)}"`)) ? at : null;
}

function compare(before: MessageDetail, after: MessageDetail): Difference[] | null {
  try {
    return diff(parsedExactly(before.bodyText ?? ""), parsedExactly(after.bodyText ?? ""));
  } catch {
    return null;
  }
}

function storedNoise(): readonly string[] {
  const stored = localStorage.getItem(STORED);
  return stored === null ? NOISE : stored.split(" ").filter(Boolean);
}
