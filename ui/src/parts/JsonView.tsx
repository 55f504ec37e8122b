import { Link, useRouter } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type ReactNode,
  useDeferredValue,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { copyText } from "../lib/copy";
import { cx } from "../lib/cx";
import {
  around,
  isTimeKey,
  type JsonLine,
  jsonErrorAt,
  jsonLines,
  jsonPath,
  place,
} from "../lib/json";
import { written } from "../lib/keys";
import { count } from "../lib/number";
import { unixInWords, unixTime } from "../lib/time";
import { toast } from "../lib/toast";
import { plural } from "../lib/words";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { IconButton } from "./IconButton";
import { IconChevronDown, IconChevronRight, IconClose, IconExternal, IconSearch } from "./icons";
import s from "./JsonView.module.css";
import { Menu } from "./Menu";

const LINE = 19;
const LONG = 300;
const PLAIN_MOST = 200_000;

/** Where a value that is known elsewhere leads: to a screen, or out to a page in the browser. */
export type ValueLink = { label: string } & (
  | { to: string; search: Record<string, string> }
  | { href: string }
);

type LinksOf = (value: string) => readonly ValueLink[];

export interface JsonViewProps {
  text: string;
  /** Height in px from which it scrolls by itself. */
  maxHeight?: number | undefined;
  /** A click on the value follows the first one; its menu has them all. */
  linksOf?: LinksOf | undefined;
}

/**
 * A JSON text with folding, search, colours and times in words; plain text where it is none. Its lines
 * are a tree for the keyboard: arrows move and fold, Enter offers to copy, mod+f finds.
 */
export function JsonView({ text, maxHeight = 560, linksOf }: JsonViewProps) {
  const lines = useMemo(() => jsonLines(text), [text]);
  if (lines === null) return <Plain text={text} maxHeight={maxHeight} />;
  return <Lines key={text} text={text} lines={lines} maxHeight={maxHeight} linksOf={linksOf} />;
}

function Plain({ text, maxHeight }: { text: string; maxHeight: number }) {
  const at = useMemo(() => place(text, jsonErrorAt(text) ?? 0), [text]);
  return (
    <>
      <p className={s.fault}>
        Not JSON: it goes wrong at line {count(at.line)}, column {count(at.column)}.
      </p>
      <pre className={s.plain} style={{ maxHeight }}>
        {text.slice(0, PLAIN_MOST)}
        {text.length > PLAIN_MOST && `\n… ${count(text.length - PLAIN_MOST)} more characters`}
      </pre>
    </>
  );
}

function Lines({
  text,
  lines,
  maxHeight,
  linksOf,
}: {
  text: string;
  lines: readonly JsonLine[];
  maxHeight: number;
  linksOf: LinksOf | undefined;
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
    // As in VirtualList: a jump shows its lines in the frame that it is painted in.
    useFlushSync: true,
  });

  const toggle = (at: number) => {
    const next = new Set(folded);
    if (!next.delete(at)) next.add(at);
    setFolded(next);
  };

  const id = useId();
  const tree = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<number | null>(null);
  const [menu, setMenu] = useState<{ at: number; times: number } | null>(null);
  const [sought, setSought] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const query = useDeferredValue(sought?.trim().toLowerCase() ?? "");
  const hits = useMemo(() => hitsOf(lines, query), [lines, query]);
  const hit = current === null ? -1 : hits.indexOf(current);
  const row = current === null ? -1 : shown.indexOf(current);

  const wanted = useRef<number | null>(null);
  useEffect(() => {
    const index = wanted.current === null ? -1 : shown.indexOf(wanted.current);
    if (index < 0) return;
    virtualizer.scrollToIndex(index, { align: "auto" });
    const line = document.getElementById(`${id}-${wanted.current}`);
    if (line === null) return;
    line.scrollIntoView({ block: "nearest" });
    wanted.current = null;
  });

  const goTo = (at: number | undefined) => {
    if (at === undefined) return;
    const outer = around(lines, at);
    if (outer.some((one) => folded.has(one))) {
      const next = new Set(folded);
      for (const one of outer) next.delete(one);
      setFolded(next);
    }
    wanted.current = at;
    setCurrent(at);
  };
  const goToHit = (step: 1 | -1) => {
    if (hits.length === 0) return;
    const from = hit >= 0 ? hit : step > 0 ? hits.findIndex((at) => at >= (current ?? 0)) - 1 : 0;
    goTo(hits[(Math.max(-1, from) + step + hits.length) % hits.length]);
  };
  const move = (step: number) => {
    let next = Math.max(0, Math.min(shown.length - 1, row + step));
    const way = step < 0 ? -1 : 1;
    while (lines[shown[next] ?? 0]?.kind === "close" && shown[next + way] !== undefined)
      next += way;
    if (lines[shown[next] ?? 0]?.kind !== "close") goTo(shown[next]);
  };
  const openMenu = (at: number) => setMenu({ at, times: (menu?.times ?? 0) + 1 });
  const find = () => {
    setSought((was) => was ?? "");
    field.current?.focus();
    field.current?.select();
  };
  const endFind = () => {
    setSought(null);
    tree.current?.focus({ preventScroll: true });
  };

  const keyOf = (key: string): (() => void) | undefined => {
    const line = current === null ? undefined : lines[current];
    const isOpen = line?.kind === "open" && line.items > 0;
    switch (key) {
      case "arrowdown":
        return () => move(1);
      case "arrowup":
        return () => (row < 0 ? move(1) : move(-1));
      case "pagedown":
        return () => move(20);
      case "pageup":
        return () => move(-20);
      case "home":
        return () => goTo(shown[0]);
      case "end":
        return () => move(shown.length);
      case "arrowright":
        if (current === null || !isOpen) return undefined;
        return () => (folded.has(current) ? toggle(current) : move(1));
      case "arrowleft":
        if (current === null) return undefined;
        return () => {
          if (isOpen && !folded.has(current)) toggle(current);
          else goTo(around(lines, current).find((at) => shown.includes(at)));
        };
      case "enter":
      case "space":
        return current === null ? undefined : () => openMenu(current);
      default:
        return undefined;
    }
  };
  const onTreeKey = (event: KeyboardEvent) => {
    if (event.target !== tree.current) return;
    const act = keyOf(written(event.nativeEvent));
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a key of all that is inside
    <div
      className={s.frame}
      onKeyDown={(event) => {
        if (written(event.nativeEvent) !== "mod+f") return;
        event.preventDefault();
        event.stopPropagation();
        find();
      }}
    >
      <div className={cx(s.tools, sought !== null && s.pushed)}>
        {sought === null && (
          <IconButton size="sm" label="Find in the payload" onClick={find}>
            <IconSearch size={14} />
          </IconButton>
        )}
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
      {sought !== null && (
        <search className={s.find}>
          <IconSearch size={14} />
          <input
            ref={field}
            // biome-ignore lint/a11y/noAutofocus: it was asked for
            autoFocus
            type="text"
            className={s.field}
            aria-label="Find in the payload"
            placeholder="Find a field or a value"
            autoComplete="off"
            spellCheck={false}
            value={sought}
            onChange={(event) => setSought(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") endFind();
              else if (event.key === "Enter") goToHit(event.shiftKey ? -1 : 1);
              else return;
              event.preventDefault();
              event.stopPropagation();
            }}
          />
          <span className={s.note} role="status">
            {query === ""
              ? ""
              : hits.length === 0
                ? "Not found"
                : hit < 0
                  ? plural(hits.length, "line")
                  : `${count(hit + 1)} of ${count(hits.length)}`}
          </span>
          <IconButton size="sm" label="Close find" onClick={endFind}>
            <IconClose size={14} />
          </IconButton>
        </search>
      )}
      <section ref={scroller} className={s.lines} style={{ maxHeight }} aria-label="Payload">
        <div
          ref={tree}
          role="tree"
          tabIndex={0}
          aria-label="Fields of the payload"
          aria-activedescendant={row < 0 ? undefined : `${id}-${current}`}
          className={s.tree}
          style={{ height: virtualizer.getTotalSize() }}
          onKeyDown={onTreeKey}
        >
          {virtualizer.getVirtualItems().map((item) => {
            const at = shown[item.index] ?? 0;
            const line = lines[at];
            if (line === undefined) return null;
            const style = { transform: `translateY(${item.start}px)`, height: LINE };
            const indent = line.depth - shift;
            if (line.kind === "close") {
              return (
                <div key={at} role="none" className={s.line} style={style}>
                  <span style={padOf(indent)}>
                    {line.text}
                    {line.comma && ","}
                  </span>
                </div>
              );
            }
            const isOpen = line.kind === "open" && line.items > 0;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
              // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus
              <div
                key={at}
                id={`${id}-${at}`}
                role="treeitem"
                aria-level={indent + 1}
                aria-selected={at === current}
                {...(isOpen ? { "aria-expanded": !folded.has(at) } : {})}
                className={cx(s.line, at === current && s.current)}
                style={style}
                onClick={() => setCurrent(at)}
              >
                <Line
                  line={line}
                  indent={indent}
                  folded={folded.has(at)}
                  closing={lines[line.end]}
                  onToggle={() => toggle(at)}
                  onCopy={() => copyValue(text, line)}
                  now={now}
                  query={query}
                  linksOf={linksOf}
                />
                <LineMenu
                  key={menu?.at === at ? menu.times : 0}
                  open={menu?.at === at}
                  onOpen={() => openMenu(at)}
                  onValue={() => copyValue(text, line)}
                  onPath={() => copied(jsonPath(lines, at), "Path copied.")}
                  links={linksFor(line, linksOf)}
                />
              </div>
            );
          })}
        </div>
      </section>
    </div>
  );
}

function LineMenu({
  open,
  onOpen,
  onValue,
  onPath,
  links,
}: {
  open: boolean;
  onOpen: () => void;
  onValue: () => void;
  onPath: () => void;
  links: readonly ValueLink[];
}) {
  const router = useRouter({ warn: false });
  const follow = (link: ValueLink) => {
    if ("href" in link) window.open(link.href, "_blank", "noopener");
    else void router.navigate({ to: link.to, search: link.search as never });
  };
  const trigger = (
    <button
      type="button"
      tabIndex={-1}
      className={s.more}
      aria-label="More about this line"
      onClick={open ? undefined : onOpen}
    >
      ⋯
    </button>
  );
  if (!open) return trigger;
  return (
    <Menu
      label="More about this line"
      align="start"
      defaultOpen
      trigger={trigger}
      items={[
        { label: "Copy value", onSelect: onValue },
        { label: "Copy path", onSelect: onPath },
        ...links.map((link) => ({ label: link.label, onSelect: () => follow(link) })),
      ]}
    />
  );
}

/** The lines whose key or value holds a text. */
function hitsOf(lines: readonly JsonLine[], query: string): readonly number[] {
  if (query === "") return [];
  const found: number[] = [];
  lines.forEach((line, at) => {
    if (line.kind === "close") return;
    const here =
      line.key?.toLowerCase().includes(query) ||
      (line.kind === "value" && line.text.toLowerCase().includes(query));
    if (here) found.push(at);
  });
  return found;
}

function padOf(indent: number) {
  return { paddingLeft: 18 + indent * 14 };
}

function marked(text: string, query: string): ReactNode {
  const at = query === "" ? -1 : text.toLowerCase().indexOf(query);
  if (at < 0) return text;
  const end = at + query.length;
  return (
    <>
      {text.slice(0, at)}
      <mark className={s.mark}>{text.slice(at, end)}</mark>
      {text.slice(end)}
    </>
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
  query: string;
  linksOf: LinksOf | undefined;
}

function Line(props: LineProps) {
  const { line, indent, folded, closing, onToggle, onCopy, now, query, linksOf } = props;
  const pad = padOf(indent);
  const key = line.key !== null && (
    <>
      <span className={s.key}>{marked(line.key, query)}</span>:{" "}
    </>
  );
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
          tabIndex={-1}
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
  const shown = marked(cut ? `${line.text.slice(0, LONG)}…` : line.text, query);
  const [link, ...others] = linksFor(line, linksOf);
  const out = others.find((other) => "href" in other);
  return (
    <span style={pad}>
      {key}
      {link === undefined || "href" in link ? (
        <button
          type="button"
          tabIndex={-1}
          className={cx(s.value, s[kindOf(line.text)])}
          title="Click to copy the value"
          onClick={onCopy}
        >
          {shown}
        </button>
      ) : (
        <Link
          to={link.to}
          search={link.search as never}
          tabIndex={-1}
          className={cx(s.value, s.link, s.string)}
          title={link.label}
        >
          {shown}
        </Link>
      )}
      {out !== undefined && "href" in out && (
        <a
          href={out.href}
          target="_blank"
          rel="noreferrer"
          tabIndex={-1}
          className={s.out}
          title={out.label}
          aria-label={out.label}
        >
          <IconExternal size={12} />
        </a>
      )}
      {line.comma && ","}
      {cut && (
        <span className={s.note}>{`  ${count(line.text.length - LONG)} more characters`}</span>
      )}
      {time !== null && <span className={s.note}>{`   ${unixInWords(time, now)}`}</span>}
    </span>
  );
}

const NO_LINKS: readonly ValueLink[] = [];

function linksFor(line: JsonLine, linksOf: LinksOf | undefined): readonly ValueLink[] {
  if (linksOf === undefined || !line.text.startsWith('"')) return NO_LINKS;
  return linksOf(line.text.slice(1, -1));
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
  copied(value, "Value copied.");
}

function copied(text: string, title: string): void {
  copyText(text).then(
    () => toast({ title }),
    (error: unknown) => toast({ title: String(error), tone: "red" }),
  );
}
