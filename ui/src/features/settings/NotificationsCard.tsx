import { useAct } from "../../ipc/hooks";
import { Card } from "../../parts/Card";
import { ErrorNote } from "../../parts/ErrorNote";
import { Switch } from "../../parts/Switch";
import styles from "./SettingsPage.module.css";

/** Whether the system tells of messages that go wrong. */
export function NotificationsCard({ notify }: { notify: boolean }) {
  const save = useAct("settings", "update", { toastError: false });
  return (
    <Card title="Notifications">
      <Switch
        label="Tell me of refused and failed messages"
        checked={notify}
        disabled={save.isPending}
        onChange={(wanted) => save.mutate({ notify: wanted })}
      />
      <p className={styles.hint}>
        While another window is in front. A notification names the reason and the endpoint, never an
        address or a body.
      </p>
      {save.error ? <ErrorNote error={save.error} title="Not saved" /> : null}
    </Card>
  );
}
