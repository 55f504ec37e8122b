import { useEffect, useRef, useState } from "react";
import { useCommand } from "../lib/keymap";
import { IconClose, IconSearch } from "./icons";
import { Kbd } from "./Kbd";
import s from "./SearchBox.module.css";

const PAUSE_MS = 120;

export interface SearchBoxProps {
  value: string;
  /** Called after a short pause in typing. */
  onChange: (text: string) => void;
  placeholder: string;
  /** Its name for a screen reader. */
  label: string;
  chips?: readonly { label: string; onRemove: () => void }[] | undefined;
}

/** Search of a screen: `/` goes there, Esc clears and then leaves. */
export function SearchBox({ value, onChange, placeholder, label, chips }: SearchBoxProps) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(value);

  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  useCommand("search", () => {
    input.current?.focus();
    input.current?.select();
  });

  const send = (next: string, pause: number) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = next;
      onChange(next);
    }, pause);
  };

  return (
    <search className={s.box}>
      <span className={s.glass}>
        <IconSearch size={14} />
      </span>
      {chips?.map((chip) => (
        <button
          key={chip.label}
          type="button"
          className={s.chip}
          onClick={chip.onRemove}
          aria-label={`Remove ${chip.label}`}
        >
          {chip.label}
          <IconClose size={12} />
        </button>
      ))}
      <input
        ref={input}
        type="text"
        inputMode="search"
        autoComplete="off"
        spellCheck={false}
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        value={text}
        onChange={(event) => send(event.target.value, PAUSE_MS)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          if (text === "") input.current?.blur();
          else send("", 0);
        }}
        className={s.input}
      />
      {text === "" ? (
        <Kbd keys="/" />
      ) : (
        <button
          type="button"
          className={s.clear}
          aria-label="Clear search"
          onClick={() => send("", 0)}
        >
          <IconClose size={14} />
        </button>
      )}
    </search>
  );
}
