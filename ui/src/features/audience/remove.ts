import { useAct } from "../../ipc/hooks";
import { toast } from "../../lib/toast";
import { plural } from "../../lib/words";

/** Removes contacts and offers to take it back. */
export function useRemoveContacts() {
  const remove = useAct("contacts", "remove", { toastError: false });
  const restore = useAct("contacts", "restore");

  async function run(ids: readonly number[], name?: string) {
    const removed = await remove.mutateAsync({ ids: [...ids] });
    toast({
      title: `Removed ${name ?? plural(removed.count, "contact")}`,
      description: "Comes back if Clerk sends something newer about that person.",
      undo: () => restore.mutateAsync({ id: removed.undo }),
    });
  }

  return { run, isPending: remove.isPending, error: remove.error, reset: remove.reset };
}
