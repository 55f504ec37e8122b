import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import type { CopyFormat } from "../../ipc/gen/CopyFormat";
import type { Removed } from "../../ipc/gen/Removed";
import type { WhichMessages } from "../../ipc/gen/WhichMessages";
import { useAct } from "../../ipc/hooks";
import { rpc } from "../../ipc/rpc";
import { copyText } from "../../lib/copy";
import { toast } from "../../lib/toast";

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

/** What can be done with messages, each telling in words what became of it. */
export function useActions() {
  const navigate = useNavigate();
  const open = useCallback(
    (id: number) =>
      void navigate({
        to: "/messages",
        search: (old: Record<string, unknown>) => ({ ...old, id, tab: undefined }) as never,
      }),
    [navigate],
  );
  const { mutate: send, ...replaying } = useAct("messages", "replay", {
    onDone: ({ sentence, failed, messageId }) =>
      toast({
        title: sentence,
        tone: failed > 0 ? "amber" : "green",
        ...(messageId === null
          ? {}
          : { action: { label: "Open message", onClick: () => open(messageId) } }),
      }),
  });
  const { mutate: check, ...verifying } = useAct("messages", "verify", {
    onDone: ({ sentence, accepted }) =>
      toast({ title: sentence, tone: accepted > 0 ? "green" : "amber" }),
  });
  const { mutate: setPin } = useAct("messages", "pin", {
    onDone: ({ count }, { which, pinned }) => {
      const many = count === 1 ? "" : ` ${count} messages.`;
      toast({
        title: pinned ? `Pinned.${many} Kept whatever is cleared.` : `No longer pinned.${many}`,
        undo: () => rpc("messages", "pin", { which, pinned: !pinned }),
      });
    },
  });

  const { mutate: clear } = useAct("messages", "remove", { onDone: cleared });

  const replay = useCallback(
    (which: WhichMessages, sameId = false) => send({ which, sameId }),
    [send],
  );
  const forward = useCallback(
    (which: WhichMessages) => send({ which, sameId: true, to: "forwards" }),
    [send],
  );
  const pin = useCallback(
    (which: WhichMessages, pinned: boolean) => setPin({ which, pinned }),
    [setPin],
  );
  const copy = useCallback(async (which: WhichMessages, format: CopyFormat, redacted = false) => {
    try {
      const { text } = await rpc("messages", "copy", { which, format, redacted });
      await copyText(text);
      toast(
        redacted
          ? {
              title: `Copied as ${NAMES[format]}, redacted.`,
              description: "Secrets, addresses, names and ids are replaced by stand-ins.",
            }
          : { title: `Copied as ${NAMES[format]}.` },
      );
    } catch (error) {
      toast({
        title: "Could not copy.",
        description: error instanceof Error ? error.message : String(error),
        tone: "red",
      });
    }
  }, []);
  return {
    open,
    replay,
    forward,
    replaying: replaying.isPending,
    verify: check,
    verifying: verifying.isPending,
    pin,
    clear,
    copy,
  };
}

export type Actions = ReturnType<typeof useActions>;
