import { failure } from "./failure";
import type { Commands } from "./gen/commands";
import { host } from "./host";

export type Topic = keyof Commands;
export type Verb<T extends Topic> = keyof Commands[T] & string;
export type Args<T extends Topic, V extends Verb<T>> = Commands[T][V] extends { args: infer A }
  ? A
  : never;
export type Reply<T extends Topic, V extends Verb<T>> = Commands[T][V] extends { reply: infer R }
  ? R
  : never;

/** Calls a verb of the engine; rejects with an {@link ApiFailure}. */
export async function rpc<T extends Topic, V extends Verb<T>>(
  topic: T,
  verb: V,
  args: Args<T, V>,
): Promise<Reply<T, V>> {
  try {
    return (await host().call(`${topic}.${verb}`, args)) as Reply<T, V>;
  } catch (thrown) {
    throw failure(thrown);
  }
}
