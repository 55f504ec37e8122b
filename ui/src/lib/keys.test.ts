import { afterEach, expect, it, vi } from "vitest";
import { addHotkey, isTyping, keyText, written } from "./keys";

const removers: (() => void)[] = [];
afterEach(() => {
  for (const remove of removers.splice(0)) remove();
  document.body.innerHTML = "";
});

function on(keys: string, options = {}): ReturnType<typeof vi.fn> {
  const run = vi.fn();
  removers.push(addHotkey(keys, run, options));
  return run;
}

function press(
  key: string,
  target: EventTarget = document.body,
  more: KeyboardEventInit = {},
): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

it("writes combinations in one way", () => {
  expect(written(new KeyboardEvent("keydown", { key: "K", ctrlKey: true }))).toBe("mod+k");
  expect(written(new KeyboardEvent("keydown", { key: "?", shiftKey: true }))).toBe("?");
  expect(written(new KeyboardEvent("keydown", { key: "T", shiftKey: true }))).toBe("shift+t");
  expect(written(new KeyboardEvent("keydown", { key: "Escape" }))).toBe("esc");
  expect(keyText("mod+k")).toBe("Ctrl K");
});

it("never fires a single letter while somebody types", () => {
  document.body.innerHTML =
    '<input id="text"><input id="box" type="checkbox"><textarea></textarea>';
  const run = on("t");
  press("t", document.querySelector("#text") ?? document.body);
  press("t", document.querySelector("textarea") ?? document.body);
  expect(run).not.toHaveBeenCalled();
  press("t", document.querySelector("#box") ?? document.body);
  press("t");
  expect(run).toHaveBeenCalledTimes(2);
  expect(isTyping(document.querySelector("#box"))).toBe(false);
});

it("lets combinations with a modifier through while typing, but not under a dialog", () => {
  document.body.innerHTML = '<input id="text">';
  const palette = on("mod+k");
  press("k", document.querySelector("#text") ?? document.body, { ctrlKey: true });
  expect(palette).toHaveBeenCalledOnce();
  document.body.innerHTML = '<div role="dialog"><button>ok</button></div>';
  press("k", document.querySelector("button") ?? document.body, { ctrlKey: true });
  press("k", document.body, { ctrlKey: true });
  expect(palette).toHaveBeenCalledOnce();
});

it("gives a key to the newest, and prevents what the browser would do", () => {
  const older = on("mod+r");
  const newer = on("mod+r");
  const event = press("r", document.body, { ctrlKey: true });
  expect(event.defaultPrevented).toBe(true);
  expect(newer).toHaveBeenCalledOnce();
  expect(older).not.toHaveBeenCalled();
});
