import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { copyText } from "../lib/copy";
import { cx } from "../lib/cx";
import { isTimeKey, type JsonLine, jsonLines } from "../lib/json";
import { count } from "../lib/number";
import { unixInWords, unixTime } from "../lib/time";
import { toast } from "../lib/toast";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { IconChevronDown, IconChevronRight } from "./icons";
import s from "./JsonView.module.css";

const LINE = 19;
const LONG = 300;
const PLAIN_MOST = 200_000;

export interface JsonViewProps {
  text: string;
  /** Height in px from which it scrolls by itself. */
  maxHeight?: number | undefined;
}

/** A JSON text with folding, colours and times in words; plain text where it is none. */
export function JsonView({ text, maxHeight = 560 }: JsonViewProps) {
  const lines = useMemo(() => jsonLines(text), [text]);
  if (lines === null) {
    return (
      <pre className={s.plain} style={{ maxHeight }}>
        {text.slice(0, PLAIN_MOST)}
        {text.length > PLAIN_MOST && `\n… ${count(text.length - PLAIN_MOST)} more characters`}
      </pre>
    );
  }
  return <Lines key={text} text={text} lines={lines} maxHeight={maxHeight} />;
}

function Lines({
  text,
  lines,
  maxHeight,
}: {
  text: string;
  lines: readonly JsonLine[];
  maxHeight: number;
}) {
  const rooted = lines[0]?.kind === "open" && lines[0].items > 0;
  const shift = rooted ? 1 : 0;
  const foldable = useMemo(() => {
    const all: number[] = [];
    lines.forEach((line, at) => {
      if (line.kind === "open" && line.items > 0 && line.depth >= shift) all.push(at);
    });
    return all;
  }, [lines, shift]);
  const deep = useMemo(
    () => foldable.filter((at) => (lines[at]?.depth ?? 0) > shift),
    [foldable, lines, shift],
  );
  const [folded, setFolded] = useState<ReadonlySet<number>>(() => new Set(deep));
  const scroller = useRef<HTMLDivElement>(null);
  const now = Date.now();

  const shown = useMemo(() => {
    const out: number[] = [];
    const last = lines.length - shift;
    for (let at = shift; at < last; at += 1) {
      const line = lines[at];
      if (line === undefined) break;
      out.push(at);
      if (line.kind === "open" && (folded.has(at) || line.items === 0)) at = line.end;
    }
    return out;
  }, [lines, folded, shift]);

  const virtualizer = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 20,
    useFlushSync: false,
  });

  const toggle = (at: number) => {
    const next = new Set(folded);
    if (!next.delete(at)) next.add(at);
    setFolded(next);
  };

  return (
    <div className={s.frame}>
      <div className={s.tools}>
        {foldable.length > 0 && (
          <Button
            size="sm"
            variant="quiet"
            onClick={() => setFolded(folded.size === 0 ? new Set(foldable) : new Set())}
          >
            {folded.size === 0 ? "Fold all" : "Unfold all"}
          </Button>
        )}
        <CopyButton text={text} what="Copy the whole payload" />
      </div>
      <section
        ref={scroller}
        className={s.lines}
        style={{ maxHeight }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
        tabIndex={0}
        aria-label="Payload"
      >
        <div style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
          {virtualizer.getVirtualItems().map((item) => {
            const at = shown[item.index] ?? 0;
            const line = lines[at];
            if (line === undefined) return null;
            return (
              <div
                key={at}
                className={s.line}
                style={{ transform: `translateY(${item.start}px)`, height: LINE }}
              >
                <Line
                  line={line}
                  indent={line.depth - shift}
                  folded={folded.has(at)}
                  closing={lines[line.end]}
                  onToggle={() => toggle(at)}
                  onCopy={() => copyValue(text, line)}
                  now={now}
                />
              </div>
            );
          })}
        </div>
      </section>
    </div>
  );
}

interface LineProps {
  line: JsonLine;
  indent: number;
  folded: boolean;
  closing: JsonLine | undefined;
  onToggle: () => void;
  onCopy: () => void;
  now: number;
}

function Line({ line, indent, folded, closing, onToggle, onCopy, now }: LineProps) {
  const pad = { paddingLeft: 18 + indent * 14 };
  const key = line.key !== null && (
    <>
      <span className={s.key}>{line.key}</span>:{" "}
    </>
  );
  if (line.kind === "close") {
    return (
      <span style={pad}>
        {line.text}
        {line.comma && ","}
      </span>
    );
  }
  if (line.kind === "open") {
    const end = line.text === "{" ? "}" : "]";
    const comma = closing?.comma === true && ",";
    if (line.items === 0) {
      return (
        <span style={pad}>
          {key}
          {line.text}
          {end}
          {comma}
        </span>
      );
    }
    const words = `${count(line.items)} ${line.text === "{" ? (line.items === 1 ? "field" : "fields") : line.items === 1 ? "item" : "items"}`;
    return (
      <span style={pad}>
        <button
          type="button"
          className={s.fold}
          style={{ left: 2 + indent * 14 }}
          aria-expanded={!folded}
          aria-label={`${folded ? "Unfold" : "Fold"} ${line.key ?? "item"}, ${words}`}
          onClick={onToggle}
        >
          {folded ? <IconChevronRight size={12} /> : <IconChevronDown size={12} />}
        </button>
        {key}
        {line.text}
        {folded && (
          <>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: the button before it does the same for the keyboard */}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the button before it does the same for the keyboard */}
            <span className={s.note} onClick={onToggle}>{` ${words} `}</span>
            {end}
            {comma}
          </>
        )}
      </span>
    );
  }
  const time = timeOf(line);
  const cut = line.text.length > LONG;
  return (
    <span style={pad}>
      {key}
      <button
        type="button"
        className={cx(s.value, s[kindOf(line.text)])}
        title="Click to copy the value"
        onClick={onCopy}
      >
        {cut ? `${line.text.slice(0, LONG)}…` : line.text}
      </button>
      {line.comma && ","}
      {cut && (
        <span className={s.note}>{`  ${count(line.text.length - LONG)} more characters`}</span>
      )}
      {time !== null && <span className={s.note}>{`   ${unixInWords(time, now)}`}</span>}
    </span>
  );
}

function timeOf(line: JsonLine): number | null {
  if (!/^\d{10,13}$/.test(line.text)) return null;
  const at = unixTime(Number(line.text));
  return at !== null && (isTimeKey(line.key) || line.text.length === 13) ? at : null;
}

function kindOf(raw: string): "string" | "number" | "word" {
  if (raw.startsWith('"')) return "string";
  return raw === "true" || raw === "false" || raw === "null" ? "word" : "number";
}

function copyValue(text: string, line: JsonLine): void {
  const raw = text.slice(line.from, line.to);
  let value = raw;
  if (raw.startsWith('"')) value = String(JSON.parse(raw));
  copyText(value).then(
    () => toast({ title: "Value copied." }),
    (error: unknown) => toast({ title: String(error), tone: "red" }),
  );
}
