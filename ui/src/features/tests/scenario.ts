import { useState } from "react";
import type { Pace } from "../../ipc/gen/Pace";
import type { Played } from "../../ipc/gen/Played";
import { useAct, useRpc } from "../../ipc/hooks";
import type { Target } from "./target";

/** A scenario: chosen, played, answered. */
export function useScenario(target: Target, wanted: boolean) {
  const list = useRpc("tests", "scenarios", {}, { enabled: wanted });
  const play = useAct("tests", "play", { toastError: false });
  const [chosen, choose] = useState<string | null>(null);
  const [pace, setPace] = useState<Pace>("gaps");
  const [played, setPlayed] = useState<Played | null>(null);
  const row = list.data?.find((one) => one.name === chosen) ?? list.data?.[0];
  const busy = play.isPending || target.busy;
  const ready = row !== undefined && target.ready && !busy;

  async function submit() {
    if (!ready) return;
    setPlayed(null);
    try {
      const endpointId = await target.ensure();
      setPlayed(await play.mutateAsync({ endpointId, name: row.name, pace }));
    } catch {
      // Both keep their error, which is shown in place.
    }
  }

  return {
    rows: list.data,
    row,
    choose: (name: string) => {
      choose(name);
      setPlayed(null);
      play.reset();
    },
    pace,
    setPace,
    busy,
    ready,
    submit,
    played,
    error: target.error ?? play.error ?? list.error,
  };
}

export type Scenario = ReturnType<typeof useScenario>;
