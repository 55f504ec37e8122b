import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import s from "./Page.module.css";
import { Scroll } from "./Scroll";

/** The scrolling body of a screen: a main column and, where there is room, one at its right. */
export function Page({
  children,
  aside,
  maxWidth = 1120,
}: {
  children: ReactNode;
  aside?: ReactNode;
  maxWidth?: number;
}) {
  return (
    <Scroll>
      <div className={cx(s.page, aside !== undefined && s.two)} style={{ maxWidth }}>
        <div className={s.column}>{children}</div>
        {aside !== undefined && <div className={s.column}>{aside}</div>}
      </div>
    </Scroll>
  );
}
