import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import type { Tone as ToneOf } from "../lib/outcome";
import s from "./Badge.module.css";

export type Tone = ToneOf;

/** A status: a colour and always a word. */
export function Badge({
  tone,
  children,
  className,
}: {
  tone: Tone;
  children: ReactNode;
  className?: string | undefined;
}) {
  return <span className={cx(s.badge, s[tone], className)}>{children}</span>;
}

/** A neutral label, such as a user group. */
export function Tag({
  children,
  className,
}: {
  children: ReactNode;
  className?: string | undefined;
}) {
  return <span className={cx(s.tag, className)}>{children}</span>;
}
