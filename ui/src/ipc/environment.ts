import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect } from "react";
import type { ApiFailure } from "./failure";
import type { EnvironmentRow } from "./gen/EnvironmentRow";
import { useRpc } from "./hooks";

const KEY = "usher.environment";
const NONE: EnvironmentRow[] = [];

export interface Chosen {
  /** Id of the environment on the screen; 0 until it is known. */
  id: number;
  env: EnvironmentRow | undefined;
  environments: EnvironmentRow[];
  /** Why nothing is known yet. */
  error: ApiFailure | null;
  retry: () => void;
  /** Switches; what was selected in the other one is let go. */
  select: (id: number) => void;
}

/** The one of these that the address names, or the one shown last, or the first. */
export function chosen(
  environments: readonly EnvironmentRow[],
  named: number | undefined,
): EnvironmentRow | undefined {
  if (environments.length === 0) return undefined;
  const wanted = named ?? Number(localStorage.getItem(KEY) ?? 0);
  return environments.find((one) => one.id === wanted) ?? environments[0];
}

/** The environment that everything on the screen belongs to. */
export function useEnvironment(): Chosen {
  const search: { env?: number } = useSearch({ strict: false });
  const navigate = useNavigate();
  const list = useRpc("environments", "list", {}, { every: 1000, also: ["endpoints", "contacts"] });
  const environments = list.data ?? NONE;
  const env = chosen(environments, search.env);
  const id = env?.id ?? 0;

  useEffect(() => {
    if (id !== 0) localStorage.setItem(KEY, String(id));
  }, [id]);

  const select = useCallback(
    (next: number) => {
      localStorage.setItem(KEY, String(next));
      void navigate({ to: ".", search: { env: next } as never });
    },
    [navigate],
  );
  return {
    id,
    env,
    environments,
    error: list.data === undefined ? list.error : null,
    retry: () => void list.refetch(),
    select,
  };
}
