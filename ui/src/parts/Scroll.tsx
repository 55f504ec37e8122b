import type { ReactNode } from "react";
import { cx } from "../lib/cx";
import s from "./Page.module.css";

/** What is below a header and scrolls. */
export function Scroll({
  children,
  className,
}: {
  children: ReactNode;
  className?: string | undefined;
}) {
  return <div className={cx(s.scroll, className)}>{children}</div>;
}
