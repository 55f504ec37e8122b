import { useMemo, useState } from "react";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import { rpc } from "../../ipc/rpc";
import { toast } from "../../lib/toast";
import type { Actions } from "./actions";

/** What lies over the screen. */
export type Over =
  | { what: "edit" | "keep"; message: MessageDetail }
  | { what: "replay"; rows: readonly MessageRow[] }
  | { what: "compare"; ids: readonly [number, number] };

/** What is done with messages by way of a dialog. */
export interface Asks {
  /** Asks where they are to go. */
  replay: (rows: readonly MessageRow[]) => void;
  /** Replays one at once; asks first when it was refused. */
  replayAtOnce: (message: MessageDetail) => void;
  edit: (message: MessageDetail) => void;
  /** Asks for the name of a fixture. */
  keep: (message: MessageDetail) => void;
  compare: (ids: readonly [number, number]) => void;
  /** With the one before about the same object. */
  comparePrevious: (id: number) => Promise<void>;
}

/** The dialogs of the messages, and what lies over the screen now. */
export function useAsks(actions: Actions) {
  const [over, setOver] = useState<Over | null>(null);
  const asks = useMemo((): Asks => {
    const replay = (rows: readonly MessageRow[]) => setOver({ what: "replay", rows });
    const compare = (ids: readonly [number, number]) => setOver({ what: "compare", ids });
    return {
      replay,
      replayAtOnce: (message) => {
        if (actions.replaying) return;
        if (message.outcome === "refused") replay([message]);
        else actions.replay({ ids: [message.id] });
      },
      edit: (message) => setOver({ what: "edit", message }),
      keep: (message) => setOver({ what: "keep", message }),
      compare,
      comparePrevious: async (id) => {
        try {
          const previous = await rpc("messages", "previous", { id });
          if (previous.id !== null) compare([previous.id, id]);
          else toast({ title: "There is no earlier message about the same object." });
        } catch (error) {
          toast({ title: error instanceof Error ? error.message : String(error), tone: "red" });
        }
      },
    };
  }, [actions]);
  return { over, asks, close: () => setOver(null) };
}
