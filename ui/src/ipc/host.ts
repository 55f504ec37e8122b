import { http } from "./http";
import { inDesktop, tauri } from "./tauri";

/** The two calls that every host answers: the desktop window, the headless program, and the stand-in of the tests. */
export interface Host {
  /** Calls `topic.verb`; rejects with an {@link ApiFailure}. */
  call(name: string, args: unknown): Promise<unknown>;
  /** Tells which topics changed; `onLost` says that some may have been missed. */
  subscribe(onTopics: (topics: string[]) => void, onLost: () => void): () => void;
}

let chosen: Host | undefined;

/** The host of this window. */
export function host(): Host {
  chosen ??= inDesktop() ? tauri : http();
  return chosen;
}

/** Puts another host in place, before anything is drawn. */
export function setHost(other: Host): void {
  chosen = other;
}
