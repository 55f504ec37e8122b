import { useHotkey } from "./keys";

/** Every command that has a key, by name: what the palette and the sheet of shortcuts show. */
export const keymap = {
  palette: { keys: ["mod+k", "mod+p"], label: "Go to anything", group: "Everywhere" },
  search: { keys: ["/", "mod+f"], label: "Search this screen", group: "Everywhere" },
  "test.send": { keys: ["t"], label: "Send a test event", group: "Everywhere" },
  settings: { keys: ["mod+,"], label: "Settings", group: "Everywhere" },
  sidebar: { keys: ["mod+b"], label: "Show or hide the sidebar", group: "Everywhere" },
  shortcuts: { keys: ["?"], label: "All shortcuts", group: "Everywhere" },
  undo: { keys: ["mod+z"], label: "Undo the last change", group: "Everywhere" },
  "go.1": { keys: ["mod+1"], label: "Messages", group: "Go to" },
  "go.2": { keys: ["mod+2"], label: "Audience", group: "Go to" },
  "go.3": { keys: ["mod+3"], label: "Events", group: "Go to" },
  "go.4": { keys: ["mod+4"], label: "Endpoints", group: "Go to" },
  "go.5": { keys: ["mod+5"], label: "Settings", group: "Go to" },
  "list.next": { keys: ["j", "arrowdown"], label: "Next row", group: "In a list" },
  "list.previous": { keys: ["k", "arrowup"], label: "Previous row", group: "In a list" },
  "list.open": { keys: ["enter"], label: "Open the row", group: "In a list" },
  "list.pick": { keys: ["x"], label: "Select the row, in Audience", group: "In a list" },
  "list.reach": {
    keys: ["shift+x"],
    label: "Select up to the row, in Audience",
    group: "In a list",
  },
  back: { keys: ["esc"], label: "Back, close, clear the search", group: "In a list" },
  "list.several": {
    keys: ["shift+arrowdown", "shift+arrowup"],
    label: "Select several rows, in Messages",
    group: "In a list",
  },
  "list.all": {
    keys: ["mod+a"],
    label: "Select all rows that are loaded, in Messages",
    group: "In a list",
  },
  "message.replay": { keys: ["r"], label: "Replay it under a new id", group: "On a message" },
  "message.replayTo": {
    keys: ["shift+r"],
    label: "Replay it: choose where to and the id",
    group: "On a message",
  },
  "message.compare": {
    keys: ["c"],
    label: "Compare it with the one before about the same object",
    group: "On a message",
  },
  "message.pin": { keys: ["p"], label: "Pin it, or let it go", group: "On a message" },
  "message.copy": { keys: ["mod+shift+c"], label: "Copy it as cURL", group: "On a message" },
  "message.find": {
    keys: ["mod+f"],
    label: "Find in its payload, when that has the focus",
    group: "On a message",
  },
  "test.submit": {
    keys: ["mod+enter"],
    label: "Send, in a dialog with an event",
    group: "In a dialog",
  },
} as const satisfies Record<string, { keys: readonly string[]; label: string; group: string }>;

export type CommandName = keyof typeof keymap;

/** Runs a named command on its keys. */
export function useCommand(
  name: CommandName,
  run: () => void,
  options: { enabled?: boolean; inDialog?: boolean } = {},
): void {
  useHotkey(keymap[name].keys, run, options);
}
