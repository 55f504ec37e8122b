import { useRpc } from "../../ipc/hooks";
import { Dot } from "../../parts/Dot";
import s from "./LiveBadge.module.css";

/** Whether new messages appear by themselves. */
export function LiveBadge({ following, onFollow }: { following: boolean; onFollow: () => void }) {
  const status = useRpc("app", "status", {});
  const listener = status.data?.listener;
  if (listener === undefined && status.error === null) return null;
  if (listener?.state !== "listening") {
    return (
      <span className={s.live} title={listener?.problem ?? status.error?.message}>
        <Dot tone="red" />
        {listener === undefined ? "No answer" : "Not listening"}
      </span>
    );
  }
  if (following) return <Live />;
  return (
    <button type="button" className={s.live} onClick={onFollow} title="New messages wait above">
      <Dot tone="grey" />
      Paused
    </button>
  );
}

/** New messages appear by themselves. */
export function Live() {
  return (
    <span className={s.live}>
      <Dot tone="green" />
      Live
    </span>
  );
}
