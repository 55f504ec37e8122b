import { Link } from "@tanstack/react-router";
import type { HourCount } from "../../ipc/gen/HourCount";
import type { Unkept } from "../../ipc/gen/Unkept";
import { count } from "../../lib/number";
import { plural } from "../../lib/words";
import { Card } from "../../parts/Card";
import { Time } from "../../parts/Time";
import styles from "./HoursCard.module.css";
import { share } from "./words";

const HOUR = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

interface HoursCardProps {
  hours: readonly HourCount[];
  unkept: Unkept | null;
  /** Finds those that were refused. */
  search: string;
}

/** Messages of the last 24 hours, an hour a bar, and what came too fast to be kept. */
export function HoursCard({ hours, unkept, search }: HoursCardProps) {
  const accepted = hours.reduce((sum, hour) => sum + hour.accepted, 0);
  const refused = hours.reduce((sum, hour) => sum + hour.refused, 0);
  const total = accepted + refused;
  const highest = Math.max(1, ...hours.map((hour) => hour.accepted + hour.refused));
  return (
    <Card title="Last 24 hours" aside={total === 0 ? "no messages" : plural(total, "message")}>
      {total === 0 ? null : (
        <div
          className={styles.bars}
          role="img"
          aria-label={`Messages by hour: ${count(accepted)} accepted, ${count(refused)} refused in the last 24 hours`}
        >
          {hours.map((hour) => (
            <div
              key={hour.startAt}
              className={styles.hour}
              title={`${HOUR.format(hour.startAt)}: ${count(hour.accepted)} accepted, ${count(hour.refused)} refused`}
            >
              <div className={styles.refused} style={{ height: height(hour.refused, highest) }} />
              <div className={styles.accepted} style={{ height: height(hour.accepted, highest) }} />
            </div>
          ))}
        </div>
      )}
      <p className={styles.words}>
        {total === 0 ? (
          <span>Nothing arrived in the last 24 hours</span>
        ) : (
          <>
            <span className={styles.keyAccepted}>{count(accepted)} accepted</span>
            <span className={styles.keyRefused}>
              {refused === 0 ? (
                "0 refused"
              ) : (
                <Link to="/messages" search={{ q: search }}>
                  {count(refused)} refused
                </Link>
              )}
            </span>
            <span>{share(accepted, total)} accepted</span>
          </>
        )}
      </p>
      {unkept ? (
        <p className={styles.words}>
          <span>
            {plural(unkept.count, "more refused request")} came too fast to be kept, the last one at{" "}
            <Time at={unkept.lastAt} mode="clock" />
          </span>
        </p>
      ) : null}
    </Card>
  );
}

/** At least two pixels for anything that is not nothing. */
function height(value: number, highest: number): string {
  return value === 0 ? "0" : `max(2px, ${(value / highest) * 100}%)`;
}
