import { useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { EnvironmentRow } from "../../ipc/gen/EnvironmentRow";
import { useAct } from "../../ipc/hooks";
import { openEnvironment } from "../../lib/bus";
import { plural } from "../../lib/words";
import { Tag } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Id } from "../../parts/Id";
import styles from "./SettingsPage.module.css";

/** The environments, each with what it holds. */
export function EnvironmentsCard() {
  const { id: current, environments } = useEnvironment();
  const [removing, setRemoving] = useState<EnvironmentRow | null>(null);
  const remove = useAct("environments", "remove", { toastError: false });
  const only = environments.length <= 1;
  return (
    <Card
      title="Environments"
      aside={
        <Button size="sm" onClick={() => openEnvironment("new")}>
          Add environment
        </Button>
      }
    >
      <ul className={styles.environments}>
        {environments.map((row) => (
          <li key={row.id}>
            <span className={styles.swatch} style={{ background: row.color }} aria-hidden="true" />
            <div className={styles.environment}>
              <span>
                <strong>{row.name}</strong>{" "}
                <Tag>{row.kind === "production" ? "Production" : "Development"}</Tag>
                {row.id === current ? <span className={styles.shown}>shown now</span> : null}
              </span>
              <span className={styles.hint}>
                {plural(row.endpoints, "endpoint")} · {plural(row.contacts, "contact")} ·{" "}
                {row.instanceId ? (
                  <>
                    Clerk instance <Id value={row.instanceId} />
                  </>
                ) : (
                  "no Clerk instance seen yet"
                )}
              </span>
            </div>
            <Button
              size="sm"
              onClick={() => openEnvironment(row.id)}
              aria-label={`Edit ${row.name}`}
            >
              Edit
            </Button>
            {!only && row.endpoints === 0 && row.contacts === 0 ? (
              <Button size="sm" onClick={() => setRemoving(row)} aria-label={`Remove ${row.name}`}>
                Remove
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      <p className={styles.hint}>
        An environment can be removed while it is empty. The last one stays.
      </p>
      {removing ? (
        <ConfirmDialog
          open
          onClose={() => setRemoving(null)}
          onConfirm={() => remove.mutateAsync({ id: removing.id })}
          title={`Remove ${removing.name}?`}
          confirm="Remove environment"
          danger
        >
          It has no endpoints and no contacts. The other environments stay as they are.
        </ConfirmDialog>
      ) : null}
    </Card>
  );
}
