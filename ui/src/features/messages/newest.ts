/** Where Clerk's events say how new they are. */
const TIMES = [["data", "updated_at"], ["timestamp"]];

/**
 * The body with its times set to `now`, so that nothing known is newer; null when it has none. Only
 * those numbers are replaced: all the rest stays as it was written.
 */
export function newest(body: string, now: number): string | null {
  const spans = timesIn(body);
  if (spans.length === 0) return null;
  let out = "";
  let at = 0;
  for (const [start, end] of spans) {
    out += body.slice(at, start) + String(now);
    at = end;
  }
  return out + body.slice(at);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Where in the text the numbers stand. */
function timesIn(body: string): [number, number][] {
  try {
    JSON.parse(body);
  } catch {
    return [];
  }
  const found: [number, number][] = [];
  const path: (string | null)[] = [];
  const key = () => TIMES.some((one) => one.length === path.length && one.every(same));
  const same = (step: string, at: number) => path[at] === step;
  let name = true;
  for (const token of body.matchAll(TOKEN)) {
    const [text] = token;
    if (text === "{" || text === "[") {
      path.push(null);
      name = text === "{";
    } else if (text === "}" || text === "]") {
      path.pop();
      name = false;
    } else if (text === ",") {
      name = path.at(-1) !== null;
    } else if (text === ":") {
      name = false;
    } else if (name && text.startsWith('"')) {
      path[path.length - 1] = JSON.parse(text) as string;
    } else if (key() && /^-?\d/.test(text)) {
      found.push([token.index, token.index + text.length]);
    }
  }
  return found;
}
