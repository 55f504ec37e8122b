import { Channel, invoke, isTauri } from "@tauri-apps/api/core";
import { failure } from "./failure";
import type { Host } from "./host";

const RETRY_MS = 1000;

/** Whether this window belongs to the desktop app. */
export function inDesktop(): boolean {
  return isTauri();
}

/** The desktop host: two commands, `call` and `subscribe`. */
export const tauri: Host = {
  async call(name, args) {
    try {
      return await invoke("call", { name, args });
    } catch (thrown) {
      throw failure(thrown);
    }
  },
  subscribe(onTopics, onLost) {
    let open = true;
    const channel = new Channel<string[]>();
    channel.onmessage = (topics) => {
      if (open) onTopics(topics);
    };
    const follow = async (): Promise<void> => {
      while (open) {
        try {
          await invoke("subscribe", { channel });
          onLost();
          return;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    };
    void follow();
    return () => {
      open = false;
    };
  },
};
