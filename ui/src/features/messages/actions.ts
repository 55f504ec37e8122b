import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { CopyFormat } from "../../ipc/gen/CopyFormat";
import type { Removed } from "../../ipc/gen/Removed";
import type { WhichMessages } from "../../ipc/gen/WhichMessages";
import { useAct } from "../../ipc/hooks";
import { rpc } from "../../ipc/rpc";
import { copyText } from "../../lib/copy";
import { toast } from "../../lib/toast";
import { plural } from "../../lib/words";

const NAMES: Record<CopyFormat, string> = {
  curl: "cURL",
  fetch: "fetch",
  http: "HTTP",
  json: "JSON",
  har: "HAR",
};

/** Tells of messages that left the lists, and how to have them back. */
export function cleared({ count, undo }: Removed) {
  toast({
    title: count === 1 ? "1 message cleared." : `${count} messages cleared.`,
    ...(count === 0 ? {} : { undo: () => rpc("messages", "restore", { id: undo }) }),
  });
}

/** Puts messages into a file among the downloads, and tells where it is. */
export async function saveAsHar(which: WhichMessages) {
  try {
    const asked = { which, format: "har", redacted: false } as const;
    const { path, shown, count } = await rpc("messages", "save", asked);
    toast({
      title: `Saved ${plural(count, "message")} as HAR.`,
      description: shown,
      tone: "green",
      action: { label: "Copy path", onClick: () => void copyPath(path) },
    });
  } catch (error) {
    failed("Could not save.", error);
  }
}

async function copyPath(path: string) {
  try {
    await copyText(path);
    toast({ title: "Path copied.", description: path });
  } catch (error) {
    failed("Could not copy.", error);
  }
}

function failed(title: string, error: unknown) {
  const description = error instanceof Error ? error.message : String(error);
  toast({ title, description, tone: "red" });
}

/** Opens a message. */
function useOpen() {
  const navigate = useNavigate();
  return useCallback(
    (id: number) =>
      void navigate({
        to: "/messages",
        search: (old: Record<string, unknown>) => ({ ...old, id, tab: undefined }) as never,
      }),
    [navigate],
  );
}

/** Sends messages again and tells in words what became of it; `onSent` is for who shows an error itself. */
export function useReplay(onSent?: () => void) {
  const open = useOpen();
  return useAct("messages", "replay", {
    toastError: onSent === undefined,
    onDone: ({ sentence, sent, failed, messageId }) => {
      toast({
        title: sentence,
        tone: failed > 0 || sent === 0 ? "amber" : "green",
        ...(messageId === null
          ? {}
          : { action: { label: "Open message", onClick: () => open(messageId) } }),
      });
      onSent?.();
    },
  });
}

/** What can be done with messages, each telling in words what became of it. */
export function useActions(onCleared: (ids: readonly number[]) => void) {
  const open = useOpen();
  const { mutate: send, ...replaying } = useReplay();
  const { mutate: check, ...verifying } = useAct("messages", "verify", {
    onDone: ({ sentence, accepted }) =>
      toast({ title: sentence, tone: accepted > 0 ? "green" : "amber" }),
  });
  const { mutate: setPin } = useAct("messages", "pin", {
    onDone: ({ count }, { which, pinned }) => {
      const [many, them] = count === 1 ? ["", "it"] : [` ${count} messages.`, "them"];
      toast({
        title: pinned ? `Pinned.${many} Clearing leaves ${them}.` : `No longer pinned.${many}`,
        undo: () => rpc("messages", "pin", { which, pinned: !pinned }),
      });
    },
  });

  const { mutate: clear } = useAct("messages", "remove", {
    onDone: (removed, { ids }) => {
      cleared(removed);
      onCleared(ids ?? []);
    },
  });

  const replay = useCallback((which: WhichMessages) => send({ which, sameId: false }), [send]);
  const pin = useCallback(
    (which: WhichMessages, pinned: boolean) => setPin({ which, pinned }),
    [setPin],
  );
  const copy = useCallback(async (which: WhichMessages, format: CopyFormat, redacted = false) => {
    try {
      const copied = rpc("messages", "copy", { which, format, redacted });
      await copyText(copied.then(({ text }) => text));
      toast(
        redacted
          ? {
              title: `Copied as ${NAMES[format]}, redacted.`,
              description: "Secrets, addresses, names and ids are replaced by stand-ins.",
            }
          : { title: `Copied as ${NAMES[format]}.` },
      );
    } catch (error) {
      failed("Could not copy.", error);
    }
  }, []);
  const busy = replaying.isPending;
  const checking = verifying.isPending;
  return useMemo(
    () => ({
      open,
      replay,
      replaying: busy,
      verify: check,
      verifying: checking,
      pin,
      clear,
      copy,
    }),
    [open, replay, busy, check, checking, pin, clear, copy],
  );
}

export type Actions = ReturnType<typeof useActions>;
