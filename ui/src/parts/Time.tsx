import { useCallback } from "react";
import { useTicking } from "../lib/now";
import { clock, exact, iso, relative } from "../lib/time";
import s from "./Time.module.css";

export interface TimeProps {
  /** Unix milliseconds. */
  at: number;
  /** "2 min"; "12:04:31" today and "14 Nov 12:04" before; or to the millisecond. */
  mode?: "relative" | "clock" | "exact" | undefined;
}

/** A time in words; the exact one on hover. */
export function Time({ at, mode = "relative" }: TimeProps) {
  const words = useCallback(
    (now: number) => {
      if (mode === "exact") return exact(at);
      return mode === "clock" ? clock(at, now) : relative(at, now);
    },
    [at, mode],
  );
  const text = useTicking(words);
  return (
    <time dateTime={iso(at)} title={iso(at)} className={s.time}>
      {text}
    </time>
  );
}
