/** One `field:value`, word or phrase of a search, as it was written. */
export interface Term {
  start: number;
  end: number;
  /** What stands before the colon; absent for a bare word. */
  field: string | null;
  /** The value without its quotes. */
  value: string;
  negated: boolean;
  /** The value is there, and its quotes are closed. */
  whole: boolean;
}

const NAME = /[A-Za-z_]+:/y;

/**
 * The terms of a search that joins them all by AND. Null when it has OR, brackets or doubled minus
 * signs: what such a search says depends on its order, so that nothing may be taken out of it.
 */
export function terms(text: string): Term[] | null {
  const found: Term[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const start = at;
    const negated = text.charAt(at) === "-";
    if (negated) at += 1;
    if ("()".includes(text.charAt(at)) && at < text.length) return null;
    if (negated && text.charAt(at) === "-") return null;
    NAME.lastIndex = at;
    const field = NAME.exec(text)?.[0] ?? null;
    if (field !== null) at += field.length;
    const quoted = text.charAt(at) === '"';
    const from = at;
    at = quoted ? phraseEnd(text, at) : wordEnd(text, at);
    const raw = text.slice(from, at);
    if (field === null && !negated && raw === "OR") return null;
    const closed = !quoted || (raw.length > 1 && raw.endsWith('"'));
    found.push({
      start,
      end: at,
      field: field === null ? null : field.slice(0, -1).toLowerCase(),
      value: quoted ? raw.slice(1, closed ? -1 : undefined).replace(/\\(["\\])/g, "$1") : raw,
      negated,
      whole: closed && raw !== "" && raw !== '""',
    });
  }
  return found;
}

function phraseEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.charAt(at) === '"') return at + 1;
  }
  return text.length;
}

function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !/[\s()"]/.test(text.charAt(at))) at += 1;
  return at;
}

/** A search in two: terms that are finished, and the text that is still being written. */
export interface Split {
  chips: string[];
  rest: string;
}

/** Takes the `field:value` terms out of a search; the last one too when it is `finished`. */
export function split(text: string, finished: boolean): Split {
  const found = terms(text);
  if (found === null) return { chips: [], rest: text };
  const chips: string[] = [];
  let rest = "";
  let at = 0;
  for (const term of found) {
    const ended = finished || term.end < text.length;
    if (term.field === null || !term.whole || !ended) continue;
    chips.push(text.slice(term.start, term.end));
    rest += text.slice(at, term.start);
    at = term.end;
    while (/\s/.test(text.charAt(at))) at += 1;
  }
  const left = (rest + text.slice(at)).trimStart();
  return { chips, rest: finished ? left.trimEnd() : left };
}

/** The search that chips and text make together. */
export function join({ chips, rest }: Split): string {
  return [...chips, ...(rest === "" ? [] : [rest])].join(" ");
}
