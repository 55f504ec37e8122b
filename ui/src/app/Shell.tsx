import { Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useEnvironment } from "../ipc/environment";
import { useRpc } from "../ipc/hooks";
import { hear, openPalette, openShortcuts, openTest } from "../lib/bus";
import { type CommandName, useCommand } from "../lib/keymap";
import { useHotkey } from "../lib/keys";
import { ErrorNote } from "../parts/ErrorNote";
import { Page } from "../parts/Page";
import { Toasts } from "../parts/Toast";
import s from "./Shell.module.css";
import { Sidebar } from "./Sidebar";
import { StorageBanner } from "./StorageBanner";
import { sections } from "./sections";
import { setAppearance } from "./theme";

const Palette = lazy(async () => ({ default: (await import("./Palette")).Palette }));
const Shortcuts = lazy(async () => ({ default: (await import("./Shortcuts")).Shortcuts }));
const TestDialog = lazy(async () => ({
  default: (await import("../features/tests/TestDialog")).TestDialog,
}));
const EnvironmentDialog = lazy(async () => ({
  default: (await import("../features/environments/EnvironmentDialog")).EnvironmentDialog,
}));

const narrow = window.matchMedia("(max-width: 999px)");
const SIDEBAR = "usher.sidebar";

function followNarrow(listener: () => void): () => void {
  narrow.addEventListener("change", listener);
  return () => narrow.removeEventListener("change", listener);
}

function Section({ at }: { at: number }) {
  const navigate = useNavigate();
  useCommand(`go.${at + 1}` as CommandName, () => {
    const section = sections[at];
    if (section !== undefined) void navigate({ to: section.to });
  });
  return null;
}

/** The window: sidebar, the screen, and what may lie over it. */
export function Shell() {
  const navigate = useNavigate();
  const { error, retry } = useEnvironment();
  const isNarrow = useSyncExternalStore(
    followNarrow,
    () => narrow.matches,
    () => false,
  );
  const [wide, setWide] = useState(() => localStorage.getItem(SIDEBAR) !== "rail");
  const [openWhenNarrow, setOpenWhenNarrow] = useState(false);
  const rail = isNarrow ? !openWhenNarrow : !wide;
  const [over, setOver] = useState<"palette" | "shortcuts" | null>(null);
  const [test, setTest] = useState<{ endpointId: number | undefined } | null>(null);
  const [environment, setEnvironment] = useState<"new" | number | null>(null);

  const appearance = useRpc("settings", "get", {}).data?.appearance;
  useEffect(() => {
    if (appearance !== undefined) setAppearance(appearance);
  }, [appearance]);

  const toggle = useCallback(() => {
    if (isNarrow) {
      setOpenWhenNarrow((open) => !open);
      return;
    }
    setWide((was) => {
      localStorage.setItem(SIDEBAR, was ? "rail" : "open");
      return !was;
    });
  }, [isNarrow]);

  useEffect(() => {
    const leave = [
      hear("palette", () => setOver("palette")),
      hear("shortcuts", () => setOver("shortcuts")),
      hear("test", setTest),
      hear("environment", ({ which }) => setEnvironment(which)),
    ];
    return () => {
      for (const each of leave) each();
    };
  }, []);

  useCommand("palette", openPalette);
  useCommand("shortcuts", openShortcuts);
  useCommand("sidebar", toggle);
  useCommand("test.send", () => openTest());
  useCommand("settings", () => void navigate({ to: "/settings" }));
  useHotkey(["mod+r", "mod+shift+r", "f5"], () => {}, {
    enabled: !import.meta.env.DEV,
    inDialog: true,
    typing: true,
  });

  return (
    <div className={s.shell}>
      {sections.map((section, at) => (
        <Section key={section.to} at={at} />
      ))}
      <a className={s.skip} href="#screen">
        Skip to the screen
      </a>
      <Sidebar rail={rail} onToggle={toggle} />
      <main id="screen" className={s.main} tabIndex={-1}>
        <StorageBanner />
        {error === null ? (
          <Outlet />
        ) : (
          <Page maxWidth={640}>
            <ErrorNote title="Usher does not answer" error={error} retry={retry} />
          </Page>
        )}
      </main>
      <Suspense fallback={null}>
        {over === "palette" && <Palette onClose={() => setOver(null)} onToggleSidebar={toggle} />}
        {over === "shortcuts" && <Shortcuts onClose={() => setOver(null)} />}
        {test !== null && <TestDialog endpointId={test.endpointId} onClose={() => setTest(null)} />}
        {environment !== null && (
          <EnvironmentDialog which={environment} onClose={() => setEnvironment(null)} />
        )}
      </Suspense>
      <Toasts />
    </div>
  );
}
