import s from "./Avatar.module.css";

/** Initials in a circle; decorative, the name stands beside it. */
export function Avatar({ name, size = 40 }: { name: string; size?: number }) {
  const words = name
    .trim()
    .split(/[\s@._-]+/)
    .filter(Boolean);
  const letters = (words[0]?.[0] ?? "?") + (words.length > 1 ? (words[1]?.[0] ?? "") : "");
  return (
    <span
      className={s.avatar}
      style={{ width: size, height: size, fontSize: size * 0.34 }}
      aria-hidden="true"
    >
      {letters.toUpperCase()}
    </span>
  );
}
