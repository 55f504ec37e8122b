import type { Check } from "../../ipc/gen/Check";
import type { Diagnostics } from "../../ipc/gen/Diagnostics";
import type { Verdict } from "../../ipc/gen/Verdict";
import { useAct, useRpc } from "../../ipc/hooks";
import { rpc } from "../../ipc/rpc";
import { bytes, count } from "../../lib/number";
import type { Tone } from "../../lib/outcome";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { ErrorNote } from "../../parts/ErrorNote";
import { KeyValue } from "../../parts/KeyValue";
import { Skeleton } from "../../parts/Skeleton";
import styles from "./DiagnosticsCard.module.css";

const VERDICTS: Record<Verdict, { word: string; tone: Tone }> = {
  ok: { word: "OK", tone: "green" },
  warning: { word: "Look at this", tone: "amber" },
  failed: { word: "Broken", tone: "red" },
  unknown: { word: "Not known", tone: "grey" },
};

const NAMES: Record<string, string> = {
  database: "Database",
  permissions: "Permissions",
  port: "Port",
  clock: "Clock",
  keychain: "Keychain",
  disk: "Disk space",
  tunnel: "Tunnel",
};

/** What runs, what limits it, and what is wrong: the doctor's findings and a report to copy. */
export function DiagnosticsCard() {
  const shown = useRpc("diagnostics", "show", {}, { also: ["app", "messages"], every: 2000 });
  const doctor = useAct("diagnostics", "doctor", { toastError: false });
  return (
    <Card
      title="Diagnostics"
      aside={
        <span className={styles.actions}>
          <CopyButton
            label="Copy report"
            text={() => rpc("diagnostics", "export", {}).then(({ text }) => text)}
          />
          <Button
            size="sm"
            busy={doctor.isPending}
            onClick={() => doctor.mutate({ full: false })}
            variant="primary"
          >
            Check this machine
          </Button>
        </span>
      }
    >
      {doctor.error ? <ErrorNote error={doctor.error} title="Not checked" /> : null}
      {doctor.data ? <Checks checks={doctor.data} /> : null}
      {shown.error && !shown.data ? (
        <ErrorNote error={shown.error} retry={() => void shown.refetch()} />
      ) : shown.data ? (
        <Figures shown={shown.data} />
      ) : (
        <Skeleton lines={6} />
      )}
      <p className={styles.hint}>
        The report says what runs here and how it is doing, for somebody who helps. It holds no
        secret, no message, no name and no address.
      </p>
    </Card>
  );
}

function Checks({ checks }: { checks: readonly Check[] }) {
  return (
    <ul className={styles.checks} aria-label="What was checked">
      {checks.map((check) => {
        const { word, tone } = VERDICTS[check.verdict];
        return (
          <li key={check.name}>
            <strong>{NAMES[check.name] ?? check.name}</strong>
            <Badge tone={tone}>{word}</Badge>
            <div>
              <p>{check.sentence}</p>
              {check.remedy ? <p className={styles.remedy}>{check.remedy}</p> : null}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Figures({ shown }: { shown: Diagnostics }) {
  const { limits, listener, storage } = shown;
  const free = storage.freeBytes;
  const counts = listener
    ? [
        {
          label: "Connections",
          value: `${count(listener.connections)} of ${count(listener.connectionLimit)}, ${count(listener.busy)} at work`,
        },
        {
          label: "Requests",
          value: `${count(listener.served)} answered, ${count(listener.refused)} refused for their form`,
        },
        {
          label: "Dropped",
          value: `${count(listener.evicted)} to make room, ${count(listener.acceptErrors)} not taken over from the system`,
        },
      ]
    : [];
  return (
    <>
      <KeyValue
        labelWidth={112}
        items={[
          ...counts,
          {
            label: "Database",
            value: `${bytes(storage.databaseBytes)}, write-ahead log ${bytes(storage.walBytes)}${free === null ? "" : `, ${bytes(free)} free on the disk`}`,
          },
        ]}
      />
      <details className={styles.limits}>
        <summary>Limits of the listener, and why</summary>
        <table>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">Limit</th>
              <th scope="col">Value</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {limits.map((limit) => (
              <tr key={limit.name}>
                <th scope="row">{limit.name}</th>
                <td>{limit.value}</td>
                <td>{limit.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
