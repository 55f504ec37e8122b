import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { ForwardRow } from "../../ipc/gen/ForwardRow";
import { keyOf, useAct, useRpc } from "../../ipc/hooks";
import { count } from "../../lib/number";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dot } from "../../parts/Dot";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconButton } from "../../parts/IconButton";
import { IconMore } from "../../parts/icons";
import { Menu } from "../../parts/Menu";
import { Skeleton } from "../../parts/Skeleton";
import { Switch } from "../../parts/Switch";
import { Time } from "../../parts/Time";
import { ForwardDialog } from "./ForwardDialog";
import styles from "./ForwardsCard.module.css";
import { forwardState, forwardTraits } from "./forwards";

/** Where copies of the messages go: the app under development, and how it answers. */
export function ForwardsCard({ endpoint }: { endpoint: EndpointDetail }) {
  const list = useRpc("forwards", "list", { endpointId: endpoint.id }, { every: 1000 });
  const [dialog, setDialog] = useState<"add" | ForwardRow | null>(null);
  const rows = list.data;
  const add = () => setDialog("add");
  return (
    <Card
      title="Forward to"
      aside={
        rows !== undefined && rows.length > 0 ? (
          <Button size="sm" onClick={add}>
            Add forward
          </Button>
        ) : undefined
      }
    >
      {list.error !== null && (
        <ErrorNote error={list.error} title="Forwards not read" retry={() => void list.refetch()} />
      )}
      {rows === undefined && list.error === null && <Skeleton lines={2} />}
      {rows?.length === 0 && (
        <div className={styles.empty}>
          <p>
            Send a copy of every accepted message to the app you are building, in order for each
            user or object. Usher tries again when your app is down, and shows each answer.
          </p>
          <Button onClick={add}>Add forward</Button>
        </div>
      )}
      {rows !== undefined && rows.length > 0 && (
        <ul className={styles.list}>
          {rows.map((row) => (
            <Forward key={row.id} row={row} onEdit={() => setDialog(row)} />
          ))}
        </ul>
      )}
      {dialog !== null && (
        <ForwardDialog
          endpointId={endpoint.id}
          forward={dialog === "add" ? null : dialog}
          onClose={() => setDialog(null)}
        />
      )}
    </Card>
  );
}

function Forward({ row, onEdit }: { row: ForwardRow; onEdit: () => void }) {
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const update = useAct("forwards", "update", {
    toastError: false,
    onDone: (next) =>
      client.setQueryData<ForwardRow[]>(
        keyOf("forwards", "list", { endpointId: row.endpointId }),
        (rows) => rows?.map((one) => (one.id === next.id ? next : one)),
      ),
  });
  const remove = useAct("forwards", "remove", { toastError: false });
  const state = forwardState(row);
  const enabled = update.isPending ? (update.variables.enabled ?? row.enabled) : row.enabled;

  return (
    <li className={styles.item}>
      <div className={styles.row}>
        <Switch
          checked={enabled}
          onChange={(next) => update.mutate({ id: row.id, enabled: next })}
          label={`Forward to ${row.url}`}
          hideLabel
        />
        <code className={styles.url} title={row.url}>
          {row.url}
        </code>
        <span className={styles.last}>
          {row.lastAt !== null && (
            <>
              {row.lastStatus ?? "No answer"}
              {" · "}
              <Time at={row.lastAt} />
            </>
          )}
        </span>
        <Menu
          label={`Forward to ${row.url}`}
          trigger={
            <IconButton size="sm" label={`More about the forward to ${row.url}`}>
              <IconMore />
            </IconButton>
          }
          items={[
            { label: "Edit…", onSelect: onEdit },
            { separator: true },
            { label: "Remove…", tone: "danger", onSelect: () => setRemoving(true) },
          ]}
        />
      </div>
      <div className={styles.below}>
        <p className={styles.state}>
          <Dot tone={state.tone} />
          <span className={styles.word}>{state.word}</span>
          {state.more !== null && <span>{state.more}</span>}
          {row.done > 0 && <span>{count(row.done)} delivered</span>}
          {row.failed > 0 && <span>{count(row.failed)} given up</span>}
          {forwardTraits(row).map((trait) => (
            <span key={trait}>{trait}</span>
          ))}
        </p>
        {row.enabled && row.lastProblem !== null && (
          <p className={styles.problem}>{row.lastProblem}</p>
        )}
        {update.error !== null && (
          <ErrorNote error={update.error} title={row.enabled ? "Not paused" : "Not resumed"} />
        )}
      </div>
      <ConfirmDialog
        open={removing}
        onClose={() => setRemoving(false)}
        onConfirm={async () => {
          await remove.mutateAsync({ id: row.id });
          toast({ title: "Forward removed" });
        }}
        title="Remove this forward?"
        confirm="Remove forward"
        danger
      >
        <code className={styles.named}>{row.url}</code> gets no more messages
        {row.waiting > 0
          ? `, also not ${row.waiting === 1 ? "the one that waits" : `the ${count(row.waiting)} that wait`}`
          : ""}
        . The messages themselves stay.
      </ConfirmDialog>
    </li>
  );
}
