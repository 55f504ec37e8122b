import { useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { EndpointRow } from "../../ipc/gen/EndpointRow";
import { useAct, useRpc } from "../../ipc/hooks";

/** The endpoint a test goes to; one is made when there is none. */
export function useTarget(endpointId: number | undefined) {
  const { id: environmentId } = useEnvironment();
  const endpoints = useRpc("endpoints", "list", {});
  const add = useAct("endpoints", "add", { toastError: false });
  const [chosen, choose] = useState(endpointId);
  const here = endpoints.data?.filter((one) => one.environmentId === environmentId);
  const endpoint: EndpointRow | undefined =
    here?.find((one) => one.id === chosen) ??
    here?.find((one) => one.secrets > 0 && !one.paused) ??
    here?.[0];

  /** Its id, after making it if need be. */
  async function ensure(): Promise<number> {
    if (endpoint !== undefined) return endpoint.id;
    const made = await add.mutateAsync({ environmentId, name: "Clerk", secret: "new" });
    return made.id;
  }

  return {
    here,
    endpoint,
    choose,
    ensure,
    ready: here !== undefined && environmentId !== 0,
    busy: add.isPending,
    error: add.error ?? endpoints.error,
  };
}

export type Target = ReturnType<typeof useTarget>;
