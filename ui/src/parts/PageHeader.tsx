import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import s from "./PageHeader.module.css";

export interface PageHeaderProps {
  title: string;
  crumbs?: readonly { label: string; to: string }[] | undefined;
  badge?: ReactNode;
  /** A short line in grey after the title. */
  note?: ReactNode;
  /** Search and the like; takes the room there is. */
  children?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, crumbs, badge, note, children, actions }: PageHeaderProps) {
  return (
    <header className={s.header} data-tauri-drag-region="">
      {crumbs !== undefined && crumbs.length > 0 && (
        <nav aria-label="Breadcrumbs" className={s.crumbs}>
          {crumbs.map((crumb) => (
            <span key={crumb.to}>
              <Link to={crumb.to}>{crumb.label}</Link> /
            </span>
          ))}
        </nav>
      )}
      <h1 className={s.title} title={title}>
        {title}
      </h1>
      {badge}
      {note !== undefined && <span className={s.note}>{note}</span>}
      {children === undefined ? (
        <span className={s.grow} />
      ) : (
        <div className={s.middle}>{children}</div>
      )}
      {actions !== undefined && <div className={s.actions}>{actions}</div>}
    </header>
  );
}
