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

  const add = (line: Omit<JsonLine, "depth" | "comma" | "key">, depth: number): void => {
    lines.push({ ...line, depth, key, comma: false });
    key = null;
    const parent = lines[open.at(-1) ?? -1];
    if (line.kind !== "close" && parent !== undefined) parent.items += 1;
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
      add({ kind: "open", text: c, end: -1, items: 0, from: i, to: i }, open.length);
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
      add({ kind: "close", text: c, end: -1, items: 0, from: i - 1, to: i }, open.length);
    } else {
      const from = i;
      i = c === '"' ? stringEnd(text, i) : wordEnd(text, i);
      const raw = text.slice(from, i);
      const parent = lines[open.at(-1) ?? -1];
      if (key === null && parent?.text === "{" && c === '"') key = raw;
      else add({ kind: "value", text: raw, end: -1, items: 0, from, to: i }, open.length);
    }
  }
  return lines;
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

/** Where a JSON text stops being JSON: a sentence, or null when it is fine. */
export function jsonProblem(text: string): string | null {
  if (text.trim() === "") return "The body is empty.";
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const at = /position (\d+)/.exec(message)?.[1];
    if (at === undefined) return `This is not JSON yet: ${message}.`;
    const before = text.slice(0, Number(at)).split("\n");
    return `This is not JSON yet: look at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}.`;
  }
}
