import {
  keepPreviousData,
  type QueryKey,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { toast } from "../lib/toast";
import type { ApiFailure } from "./failure";
import type { Page } from "./gen/Page";
import { type Args, type Reply, rpc, type Topic, type Verb } from "./rpc";

export interface RpcOptions {
  enabled?: boolean | undefined;
  /** Shortest time in ms between two refetches that the engine asked for. */
  every?: number | undefined;
  /** Show the old reply while that of new arguments is on its way. */
  keep?: boolean | undefined;
  /** Leave it alone when the engine says that the topic changed. */
  still?: boolean | undefined;
  /** Other topics that this reply depends on. */
  also?: readonly Topic[] | undefined;
}

function metaOf(options: RpcOptions): Record<string, unknown> {
  return { every: options.every ?? 0, still: options.still ?? false, also: options.also ?? [] };
}

/** The key of a verb's reply; its first part is the topic that the engine announces. */
export function keyOf<T extends Topic, V extends Verb<T>>(
  topic: T,
  verb: V,
  args: Args<T, V>,
): QueryKey {
  return [topic, verb, args];
}

/** The reply of a reading verb, kept fresh by the engine. */
export function useRpc<T extends Topic, V extends Verb<T>>(
  topic: T,
  verb: V,
  args: Args<T, V>,
  options: RpcOptions = {},
): UseQueryResult<Reply<T, V>, ApiFailure> {
  return useQuery<Reply<T, V>, ApiFailure>({
    queryKey: keyOf(topic, verb, args),
    queryFn: () => rpc(topic, verb, args),
    enabled: options.enabled ?? true,
    meta: metaOf(options),
    ...(options.keep ? { placeholderData: keepPreviousData } : {}),
  }) as UseQueryResult<Reply<T, V>, ApiFailure>;
}

type ListVerb<T extends Topic> = {
  [V in Verb<T>]: Reply<T, V> extends { rows: unknown[]; next: string | null }
    ? Args<T, V> extends { cursor?: string; limit?: number }
      ? V
      : never
    : never;
}[Verb<T>];
type RowOf<T extends Topic, V extends Verb<T>> =
  Reply<T, V> extends { rows: (infer R)[] } ? R : never;

export interface Endless<Row> {
  rows: Row[];
  more: () => void;
  hasMore: boolean;
  /** The most rows a window keeps were reached; there are more. */
  capped: boolean;
  loadingMore: boolean;
  isPending: boolean;
  isPlaceholderData: boolean;
  error: ApiFailure | null;
  refetch: () => void;
}

const PAGE = 200;
const MOST_ROWS = 20_000;

/** A list that grows as it is scrolled, up to 20,000 rows. */
export function useRpcInfinite<T extends Topic, V extends ListVerb<T>>(
  topic: T,
  verb: V,
  args: Omit<Args<T, V>, "cursor" | "limit">,
  options: RpcOptions & { pageSize?: number; start?: string | undefined } = {},
): Endless<RowOf<T, V>> {
  type Row = RowOf<T, V>;
  const limit = options.pageSize ?? PAGE;
  const query = useInfiniteQuery({
    queryKey: [topic, verb, { ...args, limit, start: options.start }, "endless"],
    queryFn: async ({ pageParam }) => {
      const cursor = pageParam === undefined ? {} : { cursor: pageParam };
      const reply: unknown = await rpc(topic, verb, {
        ...args,
        ...cursor,
        limit,
      } as unknown as Args<T, V>);
      return reply as Page<Row>;
    },
    initialPageParam: options.start,
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: options.enabled ?? true,
    meta: metaOf(options),
    ...(options.keep ? { placeholderData: keepPreviousData } : {}),
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.rows) ?? [], [query.data]);
  const capped = rows.length >= MOST_ROWS && query.hasNextPage;
  const { hasNextPage, isFetching, fetchNextPage, refetch } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !capped) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, capped]);
  return {
    rows,
    more,
    hasMore: hasNextPage && !capped,
    capped,
    loadingMore: query.isFetchingNextPage,
    isPending: query.isPending,
    isPlaceholderData: query.isPlaceholderData,
    error: query.error as ApiFailure | null,
    refetch: () => void refetch(),
  };
}

export interface ActOptions<T extends Topic, V extends Verb<T>> {
  onDone?: ((reply: Reply<T, V>, args: Args<T, V>) => void) | undefined;
  /** Tell of a failure in a toast; switch it off where the failure is shown in place. */
  toastError?: boolean | undefined;
}

/** A verb that changes something. Its topic is fetched anew when it is done. */
export function useAct<T extends Topic, V extends Verb<T>>(
  topic: T,
  verb: V,
  options: ActOptions<T, V> = {},
): UseMutationResult<Reply<T, V>, ApiFailure, Args<T, V>> {
  const client = useQueryClient();
  return useMutation<Reply<T, V>, ApiFailure, Args<T, V>>({
    mutationFn: (args) => rpc(topic, verb, args),
    onSuccess: (reply, args) => {
      void client.invalidateQueries({ queryKey: [topic] });
      options.onDone?.(reply, args);
    },
    onError: (error) => {
      if (options.toastError ?? true) toast({ title: error.message, tone: "red" });
    },
  });
}
