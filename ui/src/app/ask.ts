import type { QueryClient } from "@tanstack/react-query";
import { liveArgs } from "../features/messages/feed";
import { chosen } from "../ipc/environment";
import { keyOf } from "../ipc/hooks";
import { type Args, type Reply, rpc, type Topic, type Verb } from "../ipc/rpc";

/**
 * Asks what the first screen is about to ask, all at once, so that it is drawn once and with its
 * content. What fails here is asked again by the screen, which shows why.
 */
export async function askFirst(client: QueryClient, address: URL): Promise<void> {
  const ask = <T extends Topic, V extends Verb<T>>(topic: T, verb: V, args: Args<T, V>) =>
    client.fetchQuery<Reply<T, V>>({
      queryKey: keyOf(topic, verb, args),
      queryFn: () => rpc(topic, verb, args),
    });
  const messages = ["", "/", "/messages"].includes(address.pathname);

  const inEnvironment = async () => {
    const named = Number(address.searchParams.get("env")) || undefined;
    const environment = chosen(await ask("environments", "list", {}), named);
    if (environment === undefined) return;
    const environmentId = environment.id;
    const query = address.searchParams.get("q") ?? undefined;
    await Promise.all([
      messages && ask("messages", "list", liveArgs(environmentId, query)),
      ask("app", "counts", { environmentId }),
    ]);
  };
  await Promise.allSettled([
    inEnvironment(),
    ask("app", "status", {}),
    ask("settings", "get", {}),
    messages && ask("endpoints", "list", {}),
  ]);
}
