import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

/** One parameter of the address as state; other parameters stay. */
export function useSearchParam(
  name: string,
): [string | undefined, (value: string | undefined) => void] {
  const search: Record<string, unknown> = useSearch({ strict: false });
  const navigate = useNavigate();
  const value = search[name];
  const set = useCallback(
    (next: string | undefined) => {
      void navigate({
        to: ".",
        search: (old: Record<string, unknown>) => ({
          ...old,
          [name]: next === "" ? undefined : next,
        }),
        replace: true,
      });
    },
    [navigate, name],
  );
  return [value === undefined || value === null ? undefined : String(value), set];
}
