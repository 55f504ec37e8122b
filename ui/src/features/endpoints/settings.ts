import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { EndpointSettings } from "../../ipc/gen/EndpointSettings";
import type { EventSettings } from "../../ipc/gen/EventSettings";
import { useAct } from "../../ipc/hooks";

type Patch = (settings: EndpointSettings) => EndpointSettings;

/** Toggles and options that show a change at once, save in order, and fall back when saving fails. */
export function useEndpointSettings(detail: EndpointDetail) {
  const client = useQueryClient();
  const save = useAct("endpoints", "update", { toastError: false });
  const [seen, setSeen] = useState(detail.settings);
  const [base, setBase] = useState(detail.settings);
  const [patches, setPatches] = useState<readonly Patch[]>([]);
  const [problems, setProblems] = useState<Readonly<Record<string, unknown>>>({});
  const queue = useRef(Promise.resolve());
  const saved = useRef(base);

  if (seen !== detail.settings) {
    setSeen(detail.settings);
    setBase(detail.settings);
  }
  saved.current = base;

  async function send(row: string, patch: Patch) {
    try {
      const reply = await save.mutateAsync({ id: detail.id, settings: patch(saved.current) });
      client.setQueryData(["endpoints", "show", { id: detail.id }], reply);
      saved.current = reply.settings;
      setBase(reply.settings);
    } catch (error) {
      setProblems((all) => ({ ...all, [row]: error }));
    }
    setPatches((all) => all.filter((one) => one !== patch));
  }

  function change(row: string, patch: Patch) {
    setProblems(({ [row]: _, ...rest }) => rest);
    setPatches((all) => [...all, patch]);
    queue.current = queue.current.then(() => send(row, patch));
  }

  return {
    settings: patches.reduce((settings, patch) => patch(settings), base),
    problems,
    set: (patch: Partial<EndpointSettings>) =>
      change("user.deleted", (settings) => ({ ...settings, ...patch })),
    setEvent: (event: string, patch: Partial<EventSettings>) =>
      change(event, (settings) => ({
        ...settings,
        events: settings.events.map((one) => (one.event === event ? { ...one, ...patch } : one)),
      })),
  };
}
