/** One line of a JSON text as it is shown. */
export interface JsonLine {
  depth: number;
  kind: "open" | "close" | "value";
  /** The key with its quotes; absent in arrays and on closing lines. */
  key: string | null;
  /** The value, or the bracket. */
  text: string;
  /** For an opening line: the index of its closing line. */
  end: number;
  /** For an opening line: how many things are inside. */
  items: number;
  comma: boolean;
  /** Where the value stands in the text. */
  from: number;
  to: number;
}

const SPACE = new Set([" ", "\n", "\r", "\t"]);

/**
 * Splits a JSON text into lines, keeping numbers and strings exactly as they were sent.
 * Null when the text is not JSON. No recursion, so depth costs nothing.
 */
export function jsonLines(text: string): JsonLine[] | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const lines: JsonLine[] = [];
  const open: number[] = [];
  let key: string | null = null;
  let i = 0;

  const add = (kind: JsonLine["kind"], shown: string, from: number, to: number): void => {
    const depth = open.length;
    lines.push({ depth, kind, key, text: shown, end: -1, items: 0, comma: false, from, to });
    key = null;
    const parent = lines[open.at(-1) ?? -1];
    if (kind !== "close" && parent !== undefined) parent.items += 1;
  };

  while (i < text.length) {
    const c = text.charAt(i);
    if (SPACE.has(c) || c === ":") {
      i += 1;
    } else if (c === ",") {
      const last = lines.at(-1);
      if (last !== undefined) last.comma = true;
      i += 1;
    } else if (c === "{" || c === "[") {
      add("open", c, i, i);
      open.push(lines.length - 1);
      i += 1;
    } else if (c === "}" || c === "]") {
      const at = open.pop() ?? 0;
      const start = lines[at];
      i += 1;
      if (start !== undefined) {
        start.end = lines.length;
        start.to = i;
      }
      add("close", c, i - 1, i);
    } else {
      const from = i;
      i = c === '"' ? stringEnd(text, i) : wordEnd(text, i);
      const raw = text.slice(from, i);
      const parent = lines[open.at(-1) ?? -1];
      if (key === null && parent?.text === "{" && c === '"') key = raw;
      else add("value", raw, from, i);
    }
  }
  return lines;
}

/** The same text laid out for people, in which every string and number stays as it was written. */
export function laidOut(text: string): string | null {
  const lines = jsonLines(text);
  if (lines === null) return null;
  let laid = "";
  for (const [at, line] of lines.entries()) {
    const empty = line.kind === "close" && lines[at - 1]?.end === at;
    if (at > 0 && !empty) laid += `\n${"  ".repeat(line.depth)}`;
    if (line.key !== null) laid += `${line.key}: `;
    laid += line.text + (line.comma ? "," : "");
  }
  return laid;
}

/** Before an integer that JavaScript would round, in what {@link parsedExactly} returns. */
const EXACT = "\u0000";

/**
 * The value of a JSON text, in which an integer that JavaScript would round is a text that
 * {@link writtenExactly} knows.
 *
 * @throws {SyntaxError} When it is not JSON.
 */
export function parsedExactly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
  const exact = text.replace(token, (found) =>
    /^-?\d{16,}$/.test(found) && String(Number(found)) !== found ? `"\\u0000${found}"` : found,
  );
  return exact === text ? value : JSON.parse(exact);
}

/** A value of {@link parsedExactly} for people: a text by itself, anything else as JSON. */
export function writtenExactly(value: unknown): string {
  if (typeof value === "string") return value.startsWith(EXACT) ? value.slice(1) : value;
  return JSON.stringify(value, null, 1).replace(/"\\u0000(-?\d+)"/g, "$1");
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text.charAt(quote - 1 - slashes) === "\\") slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !",]}: \n\r\t".includes(text.charAt(at))) at += 1;
  return at;
}

/** Whether a number under this key is a time. */
export function isTimeKey(key: string | null): boolean {
  return key !== null && /(_at|At|timestamp|_time|expires?|date)"$/.test(key);
}

/** Where a JSON text stops being JSON; null when it is fine. Engines do not agree on saying it. */
export function jsonErrorAt(text: string): number | null {
  const open: string[] = [];
  let want: "value" | "item" | "key" | "name" | "colon" | "comma" | "end" = "value";
  let at = 0;
  const after = () => (open.length === 0 ? "end" : "comma");
  for (;;) {
    while (SPACE.has(text.charAt(at))) at += 1;
    const c = text.charAt(at);
    if (want === "end") return at < text.length ? at : null;
    if (c === "") return at;
    if (want === "colon") {
      if (c !== ":") return at;
      want = "value";
      at += 1;
    } else if (want === "comma" || ((want === "item" || want === "key") && "]}".includes(c))) {
      const inside = open.at(-1);
      if (c === "," && want === "comma") want = inside === "{" ? "name" : "value";
      else if (c === (inside === "{" ? "}" : "]")) {
        open.pop();
        want = after();
      } else return at;
      at += 1;
    } else if (want === "key" || want === "name") {
      const end = c === '"' ? stringFault(text, at) : { at, fault: true };
      if (end.fault) return end.at;
      at = end.at;
      want = "colon";
    } else if (c === "{" || c === "[") {
      open.push(c);
      want = c === "{" ? "key" : "item";
      at += 1;
    } else {
      if (c === '"') {
        const end = stringFault(text, at);
        if (end.fault) return end.at;
        at = end.at;
      } else {
        WORD.lastIndex = at;
        const word = WORD.exec(text)?.[0];
        if (word === undefined) return at;
        at += word.length;
      }
      want = after();
    }
  }
}

const WORD = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function stringFault(text: string, start: number): { at: number; fault: boolean } {
  let at = start + 1;
  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (c === 34) return { at: at + 1, fault: false };
    if (c < 32) return { at, fault: true };
    if (c === 92) {
      const next = text.charAt(at + 1);
      const four = next === "u" ? /^[0-9a-fA-F]{4}/.test(text.slice(at + 2, at + 6)) : null;
      if (four === false || (four === null && !'"\\/bfnrt'.includes(next))) break;
      if (next === "") break;
      at += next === "u" ? 6 : 2;
    } else at += 1;
  }
  return { at, fault: true };
}

/** A place in a text as people count it. */
export function place(text: string, at: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", start)) {
    line += 1;
    start = next + 1;
  }
  return { line, column: at - start + 1 };
}

/** Where a JSON text stops being JSON: a sentence, or null when it is fine. */
export function jsonProblem(text: string): string | null {
  if (text.trim() === "") return "The body is empty.";
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const at = jsonErrorAt(text);
    if (at === null) return `This is not JSON yet: ${String(error)}.`;
    const { line, column } = place(text, at);
    return `This is not JSON yet: look at line ${line}, column ${column}.`;
  }
}

/** What to mark where a text stops being JSON: the character there, or at the end of a line only the place. */
export function jsonFault(text: string): { from: number; to: number; message: string } | null {
  const message = jsonProblem(text);
  if (message === null) return null;
  const from = jsonErrorAt(text) ?? 0;
  const character = /^./u.exec(text.slice(from, from + 2))?.[0] ?? "";
  return { from, to: from + character.length, message };
}

/** The opening lines that a line is inside of, from the inmost. */
export function around(lines: readonly JsonLine[], at: number): number[] {
  const found: number[] = [];
  let depth = lines[at]?.depth ?? 0;
  for (let now = at - 1; now >= 0 && depth > 0; now -= 1) {
    const line = lines[now];
    if (line === undefined || line.kind !== "open" || line.depth >= depth) continue;
    found.push(now);
    depth = line.depth;
  }
  return found;
}

/** The path of a line, as it is written in JavaScript: `data.email_addresses[0].id`. */
export function jsonPath(lines: readonly JsonLine[], at: number): string {
  let path = "";
  let depth = lines[at]?.depth ?? 0;
  let index = 0;
  let key = lines[at]?.key ?? null;
  for (let now = at - 1; now >= 0 && depth > 0; now -= 1) {
    const line = lines[now];
    if (line === undefined || line.depth > depth) continue;
    if (line.depth === depth) {
      if (line.kind !== "close") index += 1;
      continue;
    }
    path = (line.text === "[" ? `[${index}]` : keyText(key)) + path;
    depth = line.depth;
    key = line.key;
    index = 0;
  }
  return path.replace(/^\./, "");
}

function keyText(raw: string | null): string {
  const name: unknown = raw === null ? "" : JSON.parse(raw);
  return /^[A-Za-z_$][\w$]*$/.test(String(name)) ? `.${String(name)}` : `[${raw}]`;
}
