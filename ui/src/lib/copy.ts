/**
 * Puts a text on the clipboard; fails with a sentence when the window may not. A text that has yet to be
 * fetched is handed over as a promise, at once: a web view allows it within the click or key that asked
 * for it, and no longer when the text has come.
 */
export async function copyText(text: string | Promise<string>): Promise<void> {
  if (typeof text !== "string" && navigator.clipboard?.write !== undefined) {
    try {
      await soon(navigator.clipboard.write([itemOf(text)]), text);
      return;
    } catch {
      // Some web views take no promise; why the text did not come is told below.
    }
  }
  const known = await text;
  if (navigator.clipboard?.writeText !== undefined) {
    try {
      await soon(navigator.clipboard.writeText(known), known);
      return;
    } catch {
      // Some web views only allow the older way, and some never answer.
    }
  }
  const area = document.createElement("textarea");
  area.value = known;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done)
    throw new Error("The window may not use the clipboard. Select the text and copy it by hand.");
}

function itemOf(text: Promise<string>): ClipboardItem {
  const type = "text/plain";
  return new ClipboardItem({ [type]: text.then((known) => new Blob([known], { type })) });
}

/** Not later than half a second after the text is known. */
async function soon(done: Promise<void>, text: string | Promise<string>): Promise<void> {
  const late = Promise.resolve(text).then(
    () => new Promise<never>((_, reject) => setTimeout(reject, 500)),
  );
  return Promise.race([done, late]);
}
