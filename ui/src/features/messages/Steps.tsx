import type { Step } from "../../ipc/gen/Step";
import type { StepState } from "../../ipc/gen/StepState";
import type { Tone } from "../../lib/outcome";
import { Dot } from "../../parts/Dot";
import s from "./Steps.module.css";

const STATES: Record<StepState, { tone: Tone; word: string }> = {
  done: { tone: "green", word: "Done" },
  waiting: { tone: "amber", word: "Waiting" },
  failed: { tone: "red", word: "Failed" },
  skipped: { tone: "grey", word: "Skipped" },
};

export interface StepsProps {
  steps: readonly Step[];
  /** A sentence that stands beside the steps already. */
  said: string;
}

/** The way of a message, with the time each step was reached. */
export function Steps({ steps, said }: StepsProps) {
  return (
    <ol className={s.steps} aria-label="Steps">
      {steps.map((step, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps only grow, and several have one name
        <li key={at} className={s.step}>
          <Dot tone={STATES[step.state].tone} className={s.dot ?? ""} />
          <div className={s.text}>
            <p>
              <span className="visually-hidden">{STATES[step.state].word}: </span>
              {step.title}
            </p>
            {step.detail !== null && step.detail !== said && (
              <p className={s.detail}>{step.detail}</p>
            )}
          </div>
          {step.afterUs !== null && <span className={s.after}>{after(step.afterUs)}</span>}
        </li>
      ))}
    </ol>
  );
}

function after(us: number): string {
  if (us < 1_000_000) return `+${(us / 1000).toFixed(us < 100_000 ? 1 : 0)} ms`;
  return `+${(us / 1_000_000).toFixed(1)} s`;
}
