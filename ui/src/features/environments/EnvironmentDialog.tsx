import { type FormEvent, useId, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { EnvironmentKind } from "../../ipc/gen/EnvironmentKind";
import type { EnvironmentRow } from "../../ipc/gen/EnvironmentRow";
import { useAct } from "../../ipc/hooks";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { Select } from "../../parts/Select";
import { TextInput } from "../../parts/TextInput";
import styles from "./EnvironmentDialog.module.css";

/** Colours of an environment's dot, kept apart from the colours of states where that is possible. */
const COLORS: readonly { value: string; name: string }[] = [
  { value: "#7c6f64", name: "Stone" },
  { value: "#4f6bed", name: "Indigo" },
  { value: "#0e8f8f", name: "Teal" },
  { value: "#5c8a2f", name: "Moss" },
  { value: "#b7791f", name: "Ochre" },
  { value: "#c2553b", name: "Brick" },
  { value: "#b0468f", name: "Plum" },
  { value: "#7b52c4", name: "Violet" },
];

const KINDS: { value: EnvironmentKind; label: string; hint: string }[] = [
  { value: "development", label: "Development", hint: "For testing." },
  { value: "production", label: "Production", hint: "For real people." },
];

/** Adds an environment, or changes the one with that id. */
export function EnvironmentDialog(props: { which: "new" | number; onClose: () => void }) {
  const { environments } = useEnvironment();
  const { which } = props;
  const old = which === "new" ? null : environments.find((row) => row.id === which);
  if (old === undefined) return null;
  return <EnvironmentForm key={which} old={old} onClose={props.onClose} />;
}

function EnvironmentForm({ old, onClose }: { old: EnvironmentRow | null; onClose: () => void }) {
  const { environments, select } = useEnvironment();
  const [name, setName] = useState(old?.name ?? "");
  const [kind, setKind] = useState<EnvironmentKind>(old?.kind ?? "development");
  const [color, setColor] = useState(() => old?.color ?? freeColor(environments));
  const form = useId();
  const add = useAct("environments", "add", {
    toastError: false,
    onDone: (row) => {
      onClose();
      select(row.id);
    },
  });
  const update = useAct("environments", "update", { toastError: false, onDone: onClose });
  const error = add.error ?? update.error;
  const busy = add.isPending || update.isPending;
  const title = old ? `Edit ${old.name}` : "Add environment";
  const known = COLORS.some((one) => one.value === color.toLowerCase());

  function submit(event: FormEvent) {
    event.preventDefault();
    const wanted = { name: name.trim(), kind, color };
    if (busy || !wanted.name) return;
    if (old) update.mutate({ id: old.id, ...wanted });
    else add.mutate(wanted);
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description="Each environment has its own endpoints, messages and contacts. Nothing crosses."
      width={440}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} variant="primary" busy={busy} disabled={!name.trim()}>
            {old ? "Save" : "Add environment"}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className={styles.form}>
        <Field label="Name" error={error?.message}>
          {(control) => (
            <TextInput
              {...control}
              maxLength={60}
              placeholder="Staging"
              value={name}
              onChange={(event) => {
                setName(event.target.value);
                add.reset();
                update.reset();
              }}
            />
          )}
        </Field>
        <Field label="Kind" hint={KINDS.find((one) => one.value === kind)?.hint}>
          {(control) => (
            <Select id={control.id} label="Kind" value={kind} onChange={setKind} options={KINDS} />
          )}
        </Field>
        <fieldset className={styles.colors}>
          <legend>Colour</legend>
          {(known ? COLORS : [{ value: color, name: "Own colour" }, ...COLORS]).map((one) => (
            <label key={one.value} className={styles.color} title={one.name}>
              <input
                type="radio"
                name={`${form}-color`}
                aria-label={one.name}
                checked={color.toLowerCase() === one.value.toLowerCase()}
                onChange={() => setColor(one.value)}
              />
              <span style={{ background: one.value }} />
            </label>
          ))}
        </fieldset>
      </form>
    </Dialog>
  );
}

/** The first colour that no environment has yet. */
function freeColor(environments: readonly EnvironmentRow[]): string {
  const taken = new Set(environments.map((row) => row.color.toLowerCase()));
  return (COLORS.find((one) => !taken.has(one.value)) ?? COLORS[0])?.value ?? "#7c6f64";
}
