import { Link } from "@tanstack/react-router";
import { type ComponentProps, lazy, Suspense, useState } from "react";
import { useEnvironment } from "../ipc/environment";
import type { Counts } from "../ipc/gen/Counts";
import { useRpc } from "../ipc/hooks";
import { cx } from "../lib/cx";
import { keyText } from "../lib/keys";
import { count } from "../lib/number";
import { Dot } from "../parts/Dot";
import { IconButton } from "../parts/IconButton";
import { IconChevronUpDown, IconSidebar } from "../parts/icons";
import { Mark } from "../parts/Mark";
import { ListenerCard } from "./ListenerCard";
import s from "./Sidebar.module.css";
import { inbox, type Section, sections, setUp } from "./sections";

const EnvironmentMenu = lazy(async () => ({
  default: (await import("./EnvironmentMenu")).EnvironmentMenu,
}));

export function Sidebar({ rail, onToggle }: { rail: boolean; onToggle: () => void }) {
  const { id } = useEnvironment();
  const counts = useRpc(
    "app",
    "counts",
    { environmentId: id },
    {
      enabled: id !== 0,
      every: 500,
      keep: true,
      also: ["messages", "contacts", "events", "endpoints"],
    },
  ).data;
  return (
    <aside className={cx(s.side, rail && s.rail)} aria-label="Sidebar">
      <div className={s.brand} data-tauri-drag-region="">
        <Mark />
        {!rail && <span className={s.name}>Usher</span>}
        {!rail && (
          <span className={s.fold}>
            <IconButton
              size="sm"
              label={`Fold the sidebar (${keyText("mod+b")})`}
              onClick={onToggle}
            >
              <IconSidebar size={15} />
            </IconButton>
          </span>
        )}
      </div>
      <EnvironmentSwitch rail={rail} />
      <nav aria-label="Sections" className={s.nav}>
        <ul className={s.group}>
          {inbox.map((section) => (
            <Entry key={section.to} section={section} counts={counts} rail={rail} />
          ))}
        </ul>
        <h2 className={rail ? "visually-hidden" : s.heading}>Set up</h2>
        <ul className={s.group}>
          {setUp.map((section) => (
            <Entry key={section.to} section={section} counts={counts} rail={rail} />
          ))}
        </ul>
      </nav>
      <ListenerCard rail={rail} />
    </aside>
  );
}

function Entry({
  section,
  counts,
  rail,
}: {
  section: Section;
  counts: Counts | undefined;
  rail: boolean;
}) {
  const number = section.count === undefined ? undefined : counts?.[section.count];
  const key = keyText(`mod+${sections.indexOf(section) + 1}`);
  const Icon = section.icon;
  return (
    <li>
      <Link
        to={section.to}
        className={s.entry}
        activeProps={{ className: s.active ?? "" }}
        activeOptions={{ includeSearch: false }}
        title={`${section.label}  ${key}`}
      >
        <Icon size={16} />
        <span className={rail ? "visually-hidden" : s.label}>{section.label}</span>
        {!rail && number !== undefined && number > 0 && (
          <span className={s.count}>{count(number)}</span>
        )}
      </Link>
    </li>
  );
}

function EnvironmentSwitch({ rail }: { rail: boolean }) {
  const { env } = useEnvironment();
  const [used, setUsed] = useState(false);
  if (env === undefined) return <div className={s.placeholder} />;
  const button = (props: ComponentProps<"button">) => (
    <button
      type="button"
      className={s.environment}
      aria-label={`Environment: ${env.name}`}
      aria-haspopup="menu"
      title={env.name}
      {...props}
    >
      <Dot color={env.color} />
      {!rail && <span className={s.label}>{env.name}</span>}
      {!rail && <IconChevronUpDown size={14} />}
    </button>
  );
  const unused = button({
    "aria-expanded": false,
    onClick: () => setUsed(true),
    onKeyDown: (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      setUsed(true);
    },
  });
  return (
    <div className={s.switch}>
      {used ? (
        <Suspense fallback={unused}>
          <EnvironmentMenu trigger={button({})} />
        </Suspense>
      ) : (
        unused
      )}
    </div>
  );
}
