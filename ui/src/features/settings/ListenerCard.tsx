import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { ListenerStatus } from "../../ipc/gen/ListenerStatus";
import { useAct } from "../../ipc/hooks";
import type { Tone } from "../../lib/outcome";
import { plural } from "../../lib/words";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { Select } from "../../parts/Select";
import { TextInput } from "../../parts/TextInput";
import { Time } from "../../parts/Time";
import styles from "./SettingsPage.module.css";

const STATE: Record<ListenerStatus["state"], { word: string; tone: Tone }> = {
  listening: { word: "Listening", tone: "green" },
  stopped: { word: "Stopped", tone: "grey" },
  restarting: { word: "Restarting", tone: "amber" },
  failed: { word: "Failed", tone: "red" },
};

const LARGEST = [1, 2, 5, 10].map((mib) => ({ value: mib, label: `${mib} MiB` }));

interface ListenerCardProps {
  listener: ListenerStatus;
  port: number;
  bodyLimitMib: number;
}

/** The socket that Clerk's messages arrive at, its port, and the largest message. */
export function ListenerCard({ listener, port, bodyLimitMib }: ListenerCardProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const client = useQueryClient();
  const moved = () => {
    setDraft(null);
    void client.invalidateQueries();
  };
  const save = useAct("settings", "update", { toastError: false, onDone: moved });
  const restart = useAct("app", "restart_listener", { toastError: false });
  const limit = useAct("settings", "update", { toastError: false });
  const sizes = LARGEST.some((size) => size.value === bodyLimitMib)
    ? LARGEST
    : [...LARGEST, { value: bodyLimitMib, label: `${bodyLimitMib} MiB` }];
  const text = draft ?? String(port);
  const wanted = readPort(text);
  const changed = wanted !== port;
  const state = STATE[listener.state];

  function submit(event: FormEvent) {
    event.preventDefault();
    if (wanted !== null && changed && !save.isPending) save.mutate({ port: wanted });
  }

  return (
    <Card title="Listener" aside={<Badge tone={state.tone}>{state.word}</Badge>}>
      <div className={styles.url}>
        <code>{listener.url}</code>
        <CopyButton text={listener.url} what="Copy listener address" size="sm" iconOnly />
        <span>
          {state.word.toLowerCase()} since <Time at={listener.since} mode="clock" />
        </span>
        <Button
          size="sm"
          busy={restart.isPending}
          onClick={() => restart.mutate({})}
          className={styles.restart}
        >
          Restart
        </Button>
      </div>
      {listener.problem ? <ErrorNote error={listener.problem} title="Not listening" /> : null}
      {listener.lastProblem !== null && listener.lastProblem !== listener.problem ? (
        <p className={styles.hint}>
          {listener.restarts > 0
            ? `Started again by itself ${plural(listener.restarts, "time")}. `
            : null}
          The last trouble
          {listener.lastProblemAt === null ? null : (
            <>
              , at <Time at={listener.lastProblemAt} mode="clock" />
            </>
          )}
          : {listener.lastProblem}
        </p>
      ) : null}
      {restart.error ? <ErrorNote error={restart.error} title="Not restarted" /> : null}
      {listener.port !== port ? (
        <p className={styles.hint}>
          This window was started with <code>--port {listener.port}</code>; {port} counts from the
          next start without it.
        </p>
      ) : null}
      <form onSubmit={submit} className={styles.port}>
        <Field
          label="Port"
          hint="A tunnel points at this port. Usher never moves by itself; after a change, start the tunnel anew."
          error={wanted === null ? "A port is a number from 1 to 65535." : save.error?.message}
        >
          {(control) => (
            <div className={styles.inputRow}>
              <TextInput
                {...control}
                mono
                inputMode="numeric"
                value={text}
                onChange={(event) => {
                  setDraft(event.target.value);
                  save.reset();
                }}
              />
              {changed ? (
                <>
                  <Button
                    type="submit"
                    variant="primary"
                    busy={save.isPending}
                    disabled={wanted === null}
                  >
                    Move to this port
                  </Button>
                  <Button
                    variant="quiet"
                    onClick={() => {
                      setDraft(null);
                      save.reset();
                    }}
                  >
                    Cancel
                  </Button>
                </>
              ) : null}
            </div>
          )}
        </Field>
      </form>
      <div className={styles.port}>
        <Field
          label="Largest message"
          hint="Clerk's are under 64 KiB. Changing it restarts the listener."
          error={limit.error?.message}
        >
          {(control) => (
            <div className={styles.inputRow}>
              <Select
                {...control}
                label="Largest message"
                value={bodyLimitMib}
                options={sizes}
                onChange={(mib) => limit.mutate({ bodyLimitMib: mib })}
              />
            </div>
          )}
        </Field>
      </div>
    </Card>
  );
}

/** A port from what was typed, or nothing. */
export function readPort(text: string): number | null {
  const trimmed = text.trim();
  if (!/^\d{1,5}$/.test(trimmed)) return null;
  const port = Number(trimmed);
  return port >= 1 && port <= 65535 ? port : null;
}
