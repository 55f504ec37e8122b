import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import s from "./Card.module.css";

export interface CardProps {
  title?: ReactNode;
  /** Grey words or a button at the right of the title. */
  aside?: ReactNode;
  children: ReactNode;
  padded?: boolean | undefined;
  className?: string | undefined;
}

export function Card({ title, aside, children, padded = true, className }: CardProps) {
  return (
    <section className={cx(s.card, padded && s.padded, className)}>
      {title !== undefined && (
        <div className={s.head}>
          <h2 className={s.title}>{title}</h2>
          {aside !== undefined && <div className={s.aside}>{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}
