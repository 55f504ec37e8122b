import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { SearchOffer } from "../ipc/gen/SearchOffer";
import { cx } from "../lib/cx";
import { focusScreen } from "../lib/focus";
import { useCommand } from "../lib/keymap";
import { join, type Split, split, terms } from "../lib/terms";
import f from "./floating.module.css";
import { IconClose, IconSearch } from "./icons";
import { Kbd } from "./Kbd";
import s from "./QueryBox.module.css";
import box from "./SearchBox.module.css";

const PAUSE_MS = 160;
/** While a value is being written there is nothing to find yet. */
const VALUE_PAUSE_MS = 900;

/** What might stand at the caret of a search. */
export interface Offered {
  query: string;
  offers: readonly SearchOffer[];
}

export interface QueryBoxProps {
  value: string;
  /** Called after a short pause in typing. */
  onChange: (text: string) => void;
  /** The text, and where the caret stands in it, while somebody types; null when nothing is wanted. */
  onAsk: (asked: { query: string; caret: number } | null) => void;
  offered: Offered | undefined;
  placeholder: string;
  /** Its name for a screen reader. */
  label: string;
  /** The part of the search that is wrong. */
  wrong?: string | undefined;
  describedBy?: string | undefined;
  /** What stands at its end while it is empty or not. */
  children?: ReactNode;
}

/**
 * Search in the language of Usher: finished `field:value` terms become chips, and what may be typed
 * next is offered below. `/` goes there; Esc closes the offers, then clears, then leaves.
 */
export function QueryBox(props: QueryBoxProps) {
  const { value, onChange, onAsk, offered, placeholder, label, wrong, describedBy, children } =
    props;
  const [parts, setParts] = useState<Split>(() => split(value, true));
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(value);
  const id = useId();

  const text = join(parts);
  const before = text.length - parts.rest.length;
  const offers = open && offered !== undefined ? offered.offers : [];
  const current = at < offers.length ? at : -1;
  const shown = offers.length > 0;

  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    clearTimeout(timer.current);
    setParts(split(value, true));
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);
  useCommand("search", () => {
    input.current?.focus();
    input.current?.select();
  });

  const close = () => {
    setOpen(false);
    setAt(-1);
    onAsk(null);
  };

  const send = (full: string, pause: number) => {
    const next = full.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = next;
      onChange(next);
    }, pause);
  };

  const put = (next: Split, pause: number, caret?: number) => {
    setParts(next);
    setAt(-1);
    const full = join(next);
    send(full, pause);
    if (caret === undefined) return close();
    setOpen(true);
    onAsk({ query: full, caret });
  };

  /** `caret` is counted from the end of the text, where it stays when chips are taken out. */
  const type = (rest: string, caret: number) => {
    const next = split(join({ chips: parts.chips, rest }), false);
    const full = join(next);
    put(
      next,
      terms(next.rest)?.at(-1)?.field == null ? PAUSE_MS : VALUE_PAUSE_MS,
      Math.max(full.length - next.rest.length, full.length - (rest.length - caret)),
    );
  };

  const take = (offer: SearchOffer | undefined) => {
    if (offer === undefined || offered?.query !== text) return;
    const more = offer.text.endsWith(":") ? "" : " ";
    const full = text.slice(0, offer.start) + offer.text + more + text.slice(offer.end).trimStart();
    const next = split(full, false);
    put(next, 0, join(next).length - text.slice(offer.end).trimStart().length);
    input.current?.focus();
  };

  const finish = () => {
    const next = split(text, true);
    setParts(next);
    send(join(next), 0);
    close();
  };

  const remove = (index: number) => {
    put({ ...parts, chips: parts.chips.filter((_, one) => one !== index) }, 0);
    input.current?.focus();
  };

  const clear = () => {
    put({ chips: [], rest: "" }, 0);
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    const field = event.currentTarget;
    const done = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        done();
        if (!shown) {
          setOpen(true);
          onAsk({ query: text, caret: before + (field.selectionStart ?? parts.rest.length) });
          return;
        }
        const step = event.key === "ArrowDown" ? 1 : -1;
        setAt(current < 0 && step < 0 ? offers.length - 1 : (current + step) % offers.length);
        return;
      }
      case "Tab":
        if (!shown || event.shiftKey || (current < 0 && parts.rest.trim() === "")) return;
        done();
        take(offers[Math.max(0, current)]);
        return;
      case "Enter":
        done();
        if (current >= 0) take(offers[current]);
        else finish();
        return;
      case "Backspace": {
        if (field.selectionStart !== 0 || field.selectionEnd !== 0 || parts.chips.length === 0)
          return;
        done();
        remove(parts.chips.length - 1);
        return;
      }
      case "Escape":
        done();
        if (shown) close();
        else if (text === "") {
          field.blur();
          focusScreen();
        } else clear();
    }
  };

  return (
    <search
      className={cx(box.box, s.box)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) close();
      }}
    >
      <span className={box.glass}>
        <IconSearch size={14} />
      </span>
      <div className={s.line}>
        {parts.chips.map((chip, index) => (
          <Chip
            // biome-ignore lint/suspicious/noArrayIndexKey: the same term may be there twice
            key={`${chip} ${index}`}
            text={chip}
            wrong={wrong !== undefined && chip.includes(wrong)}
            onRemove={() => remove(index)}
          />
        ))}
        <input
          ref={input}
          type="text"
          role="combobox"
          inputMode="search"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          aria-label={label}
          aria-keyshortcuts="/"
          aria-autocomplete="list"
          aria-expanded={shown}
          aria-controls={shown ? `${id}-list` : undefined}
          aria-activedescendant={current >= 0 ? `${id}-${current}` : undefined}
          aria-invalid={wrong !== undefined || undefined}
          aria-describedby={describedBy}
          placeholder={parts.chips.length === 0 ? placeholder : ""}
          value={parts.rest}
          onChange={(event) =>
            type(event.target.value, event.target.selectionStart ?? event.target.value.length)
          }
          onKeyDown={onKeyDown}
          className={cx(box.input, s.input)}
        />
      </div>
      {text === "" ? (
        <Kbd keys="/" />
      ) : (
        <button type="button" className={box.clear} aria-label="Clear search" onClick={clear}>
          <IconClose size={14} />
        </button>
      )}
      {children}
      {shown && (
        <div
          ref={list}
          id={`${id}-list`}
          role="listbox"
          aria-label="What can be searched for"
          className={cx(f.surface, s.offers)}
        >
          {offers.map((offer, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys
            <div
              key={offer.text}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === current}
              className={cx(s.offer, index === current && s.current)}
              onPointerDown={(event) => event.preventDefault()}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(offer)}
            >
              <code className={s.what}>{offer.text}</code>
              <span className={s.words}>{offer.what}</span>
            </div>
          ))}
        </div>
      )}
    </search>
  );
}

function Chip({ text, wrong, onRemove }: { text: string; wrong: boolean; onRemove: () => void }) {
  const negated = text.startsWith("-");
  const words = negated ? text.slice(1) : text;
  const said = negated ? `not ${words}` : words;
  return (
    <span className={cx(s.chip, wrong && s.wrong)} title={said}>
      <span className={s.text}>
        {negated && <em className={s.not}>not </em>}
        {words}
      </span>
      <button type="button" className={s.remove} aria-label={`Remove ${said}`} onClick={onRemove}>
        <IconClose size={11} />
      </button>
    </span>
  );
}
