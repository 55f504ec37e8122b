import { useRpc } from "../../ipc/hooks";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { Dot } from "../../parts/Dot";
import { ErrorNote } from "../../parts/ErrorNote";
import { KeyValue } from "../../parts/KeyValue";
import { Page } from "../../parts/Page";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { AppearanceCard } from "./AppearanceCard";
import { DiagnosticsCard } from "./DiagnosticsCard";
import { EnvironmentsCard } from "./EnvironmentsCard";
import { ListenerCard } from "./ListenerCard";
import { NotificationsCard } from "./NotificationsCard";
import styles from "./SettingsPage.module.css";

/** What a person chooses for the whole app, and where things are. */
export function SettingsPage() {
  const status = useRpc("app", "status", {});
  const settings = useRpc("settings", "get", {});
  const failed = status.error ?? settings.error;
  const retry = () => {
    void status.refetch();
    void settings.refetch();
  };
  return (
    <>
      <PageHeader title="Settings" />
      <Page maxWidth={760}>
        {failed && !(status.data && settings.data) ? (
          <ErrorNote error={failed} retry={retry} />
        ) : !status.data || !settings.data ? (
          <Skeleton lines={10} />
        ) : (
          <>
            <ListenerCard
              listener={status.data.listener}
              port={settings.data.port}
              bodyLimitMib={settings.data.bodyLimitMib}
            />
            <EnvironmentsCard />
            <AppearanceCard appearance={settings.data.appearance} />
            <NotificationsCard notify={settings.data.notify} />
            <Card title="Storage">
              <KeyValue
                labelWidth={112}
                items={[
                  {
                    label: "Data folder",
                    value: <Path path={status.data.dataDir} what="data folder" />,
                  },
                  {
                    label: "Database",
                    value: <Path path={status.data.databaseFile} what="database file" />,
                  },
                ]}
              />
              {status.data.storage.note === null ? null : (
                <p className={styles.hint} role="status">
                  {status.data.storage.note}
                </p>
              )}
              <p className={styles.hint}>
                Messages, contacts and settings are all in this one file, on this machine only.
              </p>
            </Card>
            <Card title="Secrets">
              <p className={styles.state}>
                <Dot tone={status.data.keychain.kind === "system" ? "green" : "amber"} />
                <span>
                  <strong>
                    {status.data.keychain.kind === "system"
                      ? "System keychain"
                      : "File in the data folder"}
                  </strong>
                  <br />
                  {status.data.keychain.sentence}
                </span>
              </p>
            </Card>
            <DiagnosticsCard />
            <Card title="About">
              <KeyValue
                labelWidth={112}
                items={[
                  { label: "Version", value: `Usher ${status.data.version}` },
                  {
                    label: "Running since",
                    value: <Time at={status.data.startedAt} mode="clock" />,
                  },
                  { label: "Licence", value: "MIT or Apache-2.0" },
                ]}
              />
            </Card>
          </>
        )}
      </Page>
    </>
  );
}

function Path({ path, what }: { path: string; what: string }) {
  return (
    <span className={styles.path}>
      <code>{path}</code>
      <CopyButton text={path} what={`Copy path of the ${what}`} size="sm" iconOnly />
    </span>
  );
}
