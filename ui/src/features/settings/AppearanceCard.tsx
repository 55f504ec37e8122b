import { useId, useState } from "react";
import type { Appearance } from "../../ipc/gen/Appearance";
import { useAct } from "../../ipc/hooks";
import { Card } from "../../parts/Card";
import { ErrorNote } from "../../parts/ErrorNote";
import styles from "./SettingsPage.module.css";

const CHOICES: readonly { value: Appearance; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

/** Light, dark, or what the system says. */
export function AppearanceCard({ appearance }: { appearance: Appearance }) {
  const save = useAct("settings", "update", { toastError: false });
  const [wanted, setWanted] = useState<Appearance | null>(null);
  const name = useId();
  if (wanted === appearance) setWanted(null);
  return (
    <Card title="Appearance">
      <fieldset className={styles.choices}>
        <legend className="visually-hidden">Appearance</legend>
        {CHOICES.map((choice) => (
          <label key={choice.value} className={styles.choice}>
            <input
              type="radio"
              name={name}
              checked={(wanted ?? appearance) === choice.value}
              onChange={() => {
                setWanted(choice.value);
                save.mutate({ appearance: choice.value }, { onError: () => setWanted(null) });
              }}
            />
            {choice.label}
          </label>
        ))}
      </fieldset>
      {save.error ? <ErrorNote error={save.error} title="Not saved" /> : null}
    </Card>
  );
}
