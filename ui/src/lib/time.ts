/** Words for times. Everything takes Unix milliseconds. */

/** IANA name of the zone that this machine is in. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (n: number) => String(n).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function dayOf(at: number): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`;
}

/** "14 Nov", with the year when it is not the year of `now`. */
export function day(at: number, now: number): string {
  const d = new Date(at);
  const text = `${d.getDate()} ${MONTHS[d.getMonth()] ?? ""}`;
  return d.getFullYear() === new Date(now).getFullYear() ? text : `${text} ${d.getFullYear()}`;
}

/** "12:04:31". */
export function clockTime(at: number): string {
  const d = new Date(at);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** "12:04:31" today, "14 Nov 12:04" before. */
export function clock(at: number, now: number): string {
  if (dayOf(at) === dayOf(now)) return clockTime(at);
  return `${day(at, now)} ${clockTime(at).slice(0, 5)}`;
}

/** "now", "20 s", "2 min", "3 h", "5 d", then the day. Times to come read "in 4 min". */
export function relative(at: number, now: number): string {
  const age = now - at;
  if (age < -5 * SECOND) return `in ${span(-age)}`;
  if (age < 5 * SECOND) return "now";
  if (age < 7 * DAY) return span(age);
  return day(at, now);
}

function span(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** ISO-8601 in UTC, as copied. */
export function iso(at: number): string {
  const d = new Date(at);
  return Number.isNaN(d.getTime()) ? String(at) : d.toISOString();
}

/** Local time to the millisecond, "12:04:31.482". */
export function exact(at: number): string {
  return `${clockTime(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

const EARLIEST = Date.UTC(2001, 8, 10);
const LATEST = Date.UTC(2100, 0, 1);

/** Reads a number in a payload as a time, in seconds or milliseconds, or says that it is none. */
export function unixTime(n: number): number | null {
  if (!Number.isInteger(n)) return null;
  if (n >= EARLIEST && n <= LATEST) return n;
  if (n >= EARLIEST / 1000 && n <= LATEST / 1000) return n * 1000;
  return null;
}

/** "today 12:04:31", "yesterday 09:12:00", "14 Nov 2024 09:12:00". */
export function unixInWords(at: number, now: number): string {
  const time = clockTime(at);
  if (dayOf(at) === dayOf(now)) return `today ${time}`;
  if (dayOf(at) === dayOf(now - DAY)) return `yesterday ${time}`;
  return `${day(at, now)} ${time}`;
}

/** How long the words of `relative` stay right, to choose a tick. */
export function steadyFor(at: number, now: number): number {
  const age = Math.abs(now - at);
  if (age < MINUTE) return SECOND;
  if (age < HOUR) return 15 * SECOND;
  return 5 * MINUTE;
}
