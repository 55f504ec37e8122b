import type { ReactNode } from "react";
import s from "./Empty.module.css";

/** Nothing here yet, and the one next step. */
export function Empty({
  title,
  children,
  actions,
  icon,
}: {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  icon?: ReactNode;
}) {
  return (
    <div className={s.empty}>
      {icon !== undefined && <div className={s.icon}>{icon}</div>}
      <h2 className={s.title}>{title}</h2>
      {children !== undefined && <div className={s.text}>{children}</div>}
      {actions !== undefined && <div className={s.actions}>{actions}</div>}
    </div>
  );
}
