/** Shortens a long id in its middle, keeping a known prefix such as `user_` and the end readable. */
export function elide(value: string, max = 20): string {
  if (value.length <= max) return value;
  const keep = Math.max(2, max - 1);
  const head = Math.ceil(keep * 0.6);
  return `${value.slice(0, head)}…${value.slice(value.length - (keep - head))}`;
}
