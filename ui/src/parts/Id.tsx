import { useEffect, useRef, useState } from "react";
import { copyText } from "../lib/copy";
import { elide } from "../lib/elide";
import s from "./Id.module.css";

/** An id in mono, shortened in its middle; a click copies all of it. */
export function Id({ value, max = 20 }: { value: string; max?: number | undefined }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <button
      type="button"
      className={s.id}
      title={`${value}\nClick to copy`}
      aria-label={`Copy ${value}`}
      onClick={(event) => {
        event.stopPropagation();
        void copyText(value).then(() => {
          setCopied(true);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => setCopied(false), 1400);
        });
      }}
    >
      {elide(value, max)}
      {copied && (
        <span className={s.copied} role="status">
          Copied
        </span>
      )}
    </button>
  );
}
