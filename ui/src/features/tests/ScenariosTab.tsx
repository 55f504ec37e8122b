import { useId } from "react";
import { plural } from "../../lib/words";
import { Select } from "../../parts/Select";
import { Skeleton } from "../../parts/Skeleton";
import s from "./ScenariosTab.module.css";
import type { Scenario } from "./scenario";
import { TargetField } from "./TargetField";
import type { Target } from "./target";

/** Choosing a story of several messages, and how fast it is told. */
export function ScenariosTab({ scenario, target }: { scenario: Scenario; target: Target }) {
  const { rows, row } = scenario;
  const name = useId();
  if (rows === undefined) return scenario.error === null ? <Skeleton lines={6} /> : null;
  if (rows.length === 0) return <p className={s.none}>There are no scenarios.</p>;
  return (
    <div className={s.tab}>
      <fieldset className={s.list} disabled={scenario.busy}>
        <legend className="visually-hidden">Scenario</legend>
        {rows.map((one) => (
          <label key={one.name} className={s.entry}>
            <input
              type="radio"
              name={name}
              className={s.radio}
              checked={one.name === row?.name}
              onChange={() => scenario.choose(one.name)}
            />
            <span className={s.title}>{one.title}</span>{" "}
            <span className={s.messages}>{plural(one.messages, "message")}</span>{" "}
            <span className={s.tests}>{one.tests}</span>
          </label>
        ))}
      </fieldset>
      <div className={s.choices}>
        <TargetField target={target} />
        <div className={s.pace}>
          <span aria-hidden="true">Pace</span>
          <Select
            label="Pace"
            value={scenario.pace}
            onChange={scenario.setPace}
            disabled={scenario.busy}
            options={[
              { value: "gaps", label: "With gaps", hint: "As they would follow each other" },
              { value: "at_once", label: "At once", hint: "All in the same moment" },
            ]}
          />
        </div>
      </div>
    </div>
  );
}
