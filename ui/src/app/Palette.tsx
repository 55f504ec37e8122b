import { Dialog as Base } from "@base-ui/react/dialog";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useState } from "react";
import { useEnvironment } from "../ipc/environment";
import type { Appearance } from "../ipc/gen/Appearance";
import { useAct, useRpc } from "../ipc/hooks";
import { openEnvironment, openShortcuts, openTest } from "../lib/bus";
import { cx } from "../lib/cx";
import { Dot } from "../parts/Dot";
import { IconAudience, IconEndpoints, IconMessages, IconSearch, IconTest } from "../parts/icons";
import { Kbd } from "../parts/Kbd";
import { OutcomeBadge } from "../parts/OutcomeBadge";
import s from "./Palette.module.css";
import { sections } from "./sections";
import { setAppearance } from "./theme";

interface Entry {
  id: string;
  group: string;
  label: string;
  hint?: string | undefined;
  icon?: ReactNode;
  kbd?: string | undefined;
  aside?: ReactNode;
  run: () => void;
}

const APPEARANCES: readonly Appearance[] = ["light", "dark", "system"];

export function Palette({
  onClose,
  onToggleSidebar,
}: {
  onClose: () => void;
  onToggleSidebar: () => void;
}) {
  return (
    <Base.Root
      open
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={cx(s.backdrop)} />
        <Base.Popup className={cx(s.popup)} aria-label="Go to anything">
          <Body onClose={onClose} onToggleSidebar={onToggleSidebar} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function Body({ onClose, onToggleSidebar }: { onClose: () => void; onToggleSidebar: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = useEntries(text.trim(), onToggleSidebar);
  const current = Math.min(at, Math.max(0, entries.length - 1));

  useEffect(() => {
    document.getElementById(`palette-${current}`)?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    setTimeout(entry.run, 0);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = moves[event.key];
    if (step !== undefined && entries.length > 0) {
      event.preventDefault();
      setAt((current + step + entries.length) % entries.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(entries[current]);
    }
  };

  return (
    <>
      <div className={s.search}>
        <IconSearch />
        <input
          type="text"
          role="combobox"
          aria-label="Go to anything"
          aria-expanded={true}
          aria-controls="palette-list"
          aria-activedescendant={entries.length > 0 ? `palette-${current}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="Go to a screen, a contact, a message, a command…"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          className={s.input}
        />
        <Kbd keys="esc" />
      </div>
      <div id="palette-list" role="listbox" aria-label="Results" className={s.list}>
        {entries.map((entry, index) => (
          <div key={entry.id} role="presentation">
            {entry.group !== entries[index - 1]?.group && (
              <p className={s.group} role="presentation">
                {entry.group}
              </p>
            )}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field above takes the keyboard */}
            {/* biome-ignore lint/a11y/useFocusableInteractive: the field above keeps the focus */}
            <div
              id={`palette-${index}`}
              role="option"
              aria-selected={index === current}
              className={cx(s.entry, index === current && s.current)}
              onClick={() => run(entry)}
              onMouseMove={() => setAt(index)}
            >
              <span className={s.icon}>{entry.icon}</span>
              <span className={s.label}>
                {entry.label}
                {entry.hint !== undefined && <span className={s.hint}>{entry.hint}</span>}
              </span>
              {entry.aside}
              {entry.kbd !== undefined && <Kbd keys={entry.kbd} />}
            </div>
          </div>
        ))}
      </div>
      {entries.length === 0 && <p className={s.none}>Nothing is called “{text}”.</p>}
    </>
  );
}

function useEntries(text: string, onToggleSidebar: () => void): Entry[] {
  const navigate = useNavigate();
  const { id, environments, select } = useEnvironment();
  const looking = text.length >= 2 && id !== 0;
  const endpoints = useRpc("endpoints", "list", {}).data;
  const contacts = useRpc(
    "contacts",
    "list",
    { environmentId: id, query: text, limit: 6 },
    { enabled: looking, keep: true, still: true },
  );
  const messages = useRpc(
    "messages",
    "list",
    { environmentId: id, query: text, limit: 5 },
    { enabled: looking, keep: true, still: true },
  );
  const appearance = useAct("settings", "update");

  return useMemo(() => {
    const entries: Entry[] = [];
    sections.forEach((section, at) => {
      const Icon = section.icon;
      entries.push({
        id: section.to,
        group: "Go to",
        label: section.label,
        icon: <Icon />,
        kbd: `mod+${at + 1}`,
        run: () => void navigate({ to: section.to }),
      });
    });
    for (const endpoint of endpoints ?? []) {
      if (endpoint.environmentId !== id) continue;
      entries.push({
        id: `endpoint-${endpoint.id}`,
        group: "Endpoints",
        label: endpoint.name,
        icon: <IconEndpoints />,
        run: () => void navigate({ to: "/endpoints/$id", params: { id: String(endpoint.id) } }),
      });
    }
    const command = (label: string, run: () => void, kbd?: string, icon?: ReactNode) =>
      entries.push({ id: label, group: "Do", label, run, kbd, icon });
    command("Send test event", () => openTest(), "t", <IconTest />);
    command("New environment", () => openEnvironment("new"));
    command("Show or hide the sidebar", onToggleSidebar, "mod+b");
    command("All shortcuts", openShortcuts, "?");
    for (const choice of APPEARANCES) {
      command(`Appearance: ${choice}`, () => {
        setAppearance(choice);
        appearance.mutate({ appearance: choice });
      });
    }
    for (const environment of environments) {
      if (environment.id === id) continue;
      entries.push({
        id: `environment-${environment.id}`,
        group: "Switch environment",
        label: environment.name,
        icon: <Dot color={environment.color} />,
        run: () => select(environment.id),
      });
    }
    const words = text.toLowerCase().split(/\s+/);
    const fitting = entries.filter((entry) =>
      words.every((word) => entry.label.toLowerCase().includes(word)),
    );
    if (!looking) return fitting;
    for (const contact of contacts.data?.rows ?? []) {
      const name = [contact.firstName, contact.lastName].filter(Boolean).join(" ");
      fitting.push({
        id: `contact-${contact.id}`,
        group: "Contacts",
        label: name || contact.email,
        hint: name ? contact.email : undefined,
        icon: <IconAudience />,
        run: () => void navigate({ to: "/audience", search: { id: contact.id } }),
      });
    }
    for (const message of messages.data?.rows ?? []) {
      fitting.push({
        id: `message-${message.id}`,
        group: "Messages",
        label: message.type || "No readable type",
        hint: message.subject ?? undefined,
        icon: <IconMessages />,
        aside: <OutcomeBadge outcome={message.outcome} reason={message.reason} />,
        run: () => void navigate({ to: "/messages", search: { id: message.id } }),
      });
    }
    return fitting;
  }, [
    text,
    looking,
    endpoints,
    contacts.data,
    messages.data,
    environments,
    id,
    navigate,
    select,
    onToggleSidebar,
    appearance.mutate,
  ]);
}
