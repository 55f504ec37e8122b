import s from "./Skeleton.module.css";

const WIDTHS = ["72%", "48%", "60%", "38%"];

/** The place of something that is on its way. Appears only after a moment. */
export function Skeleton({
  lines = 3,
  height = 12,
  width,
}: {
  lines?: number;
  height?: number;
  width?: string | number;
}) {
  return (
    <div className={s.skeleton} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
          key={at}
          className={s.line}
          style={{ height, width: width ?? WIDTHS[at % WIDTHS.length] }}
        />
      ))}
    </div>
  );
}
