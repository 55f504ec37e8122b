import { Select } from "../../parts/Select";
import s from "./TestDialog.module.css";
import type { Target } from "./target";

/** Chooses the endpoint, or says that one is made. */
export function TargetField({ target }: { target: Target }) {
  if (target.here === undefined) return null;
  if (target.here.length === 0) {
    return (
      <p className={s.note}>
        There is no endpoint yet. Sending makes one named “Clerk” with a new secret, so nothing is
        needed from Clerk.
      </p>
    );
  }
  return (
    <div className={s.target}>
      <span aria-hidden="true">Endpoint</span>
      <Select
        label="Endpoint"
        value={target.endpoint?.id ?? null}
        onChange={target.choose}
        options={target.here.map((one) => ({
          value: one.id,
          label: one.name,
          hint: one.secrets === 0 ? "no secret yet" : one.paused ? "paused" : undefined,
        }))}
      />
    </div>
  );
}
