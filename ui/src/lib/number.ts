const format = new Intl.NumberFormat("en-US");

/** 12406 as "12,406". */
export function count(n: number): string {
  return format.format(n);
}

/** Bytes for people: "512 B", "4.1 KB", "1.2 MB", "81.6 GB". */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1_000_000) return `${(n / 1000).toFixed(1)} KB`;
  if (n < 1_000_000_000) return `${(n / 1_000_000).toFixed(1)} MB`;
  return `${(n / 1_000_000_000).toFixed(1)} GB`;
}
