/** Requests from one part of the window to another, for parts that may not import each other. */
interface Requests {
  test: { endpointId: number | undefined };
  palette: { all: true };
  environment: { which: "new" | number };
  shortcuts: { all: true };
}

type Listener<K extends keyof Requests> = (request: Requests[K]) => void;
const listeners: { [K in keyof Requests]: Set<Listener<K>> } = {
  test: new Set(),
  palette: new Set(),
  environment: new Set(),
  shortcuts: new Set(),
};

/** Hears the requests of one kind until the returned function is called. */
export function hear<K extends keyof Requests>(kind: K, listener: Listener<K>): () => void {
  listeners[kind].add(listener);
  return () => {
    listeners[kind].delete(listener);
  };
}

function say<K extends keyof Requests>(kind: K, request: Requests[K]): void {
  for (const listener of listeners[kind]) listener(request);
}

/** Opens "Send test event", with that endpoint chosen. */
export const openTest = (endpointId?: number) => say("test", { endpointId });
/** Opens the command palette. */
export const openPalette = () => say("palette", { all: true });
/** Opens the dialog of a new environment, or of the one with that id. */
export const openEnvironment = (which: "new" | number) => say("environment", { which });
/** Opens the sheet of shortcuts. */
export const openShortcuts = () => say("shortcuts", { all: true });
