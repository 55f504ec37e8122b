/** Puts a text on the clipboard; fails with a sentence when the window may not. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard?.writeText !== undefined) {
    try {
      await soon(navigator.clipboard.writeText(text));
      return;
    } catch {
      // Some web views only allow the older way, and some never answer.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done)
    throw new Error("The window may not use the clipboard. Select the text and copy it by hand.");
}

function soon(done: Promise<void>): Promise<void> {
  const late = new Promise<never>((_, reject) => setTimeout(reject, 500));
  return Promise.race([done, late]);
}
