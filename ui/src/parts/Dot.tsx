import { cx } from "../lib/cx";
import type { Tone } from "../lib/outcome";
import s from "./Dot.module.css";

/** A dot beside a word that says the same. */
export function Dot({
  tone,
  pulse,
  color,
  className,
}: {
  tone?: Tone;
  pulse?: boolean;
  color?: string;
  className?: string;
}) {
  return (
    <span
      aria-hidden="true"
      className={cx(s.dot, tone && s[tone], pulse && s.pulse, className)}
      style={color === undefined ? undefined : { background: color }}
    />
  );
}
