import { useRpc } from "../ipc/hooks";
import { IconAlert } from "../parts/icons";
import { Time } from "../parts/Time";
import s from "./StorageBanner.module.css";

/** Across every screen while nothing can be stored: why, since when, and what to do. */
export function StorageBanner() {
  const storage = useRpc("app", "status", {}).data?.storage;
  if (storage === undefined || storage.ok) return null;
  return (
    <div className={s.banner} role="alert">
      <IconAlert />
      <p>
        <strong>No message is kept</strong>
        {storage.since === null ? null : (
          <>
            {" "}
            since <Time at={storage.since} mode="clock" />
          </>
        )}
        . {storage.problem} Clerk's messages are answered with 503 meanwhile, and Svix sends them
        again.
      </p>
    </div>
  );
}
