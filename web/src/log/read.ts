import type { UseQueryResult } from "@tanstack/react-query";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import type { PathsWith } from "@/api/client";
import { request } from "@/api/client";
import { useWorkspaceId } from "@/app/workspace";

import { parseExact } from "./exact";
import type { LogPage } from "./shapes";

interface Asked {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
}

const VALUES = new Set(["key", "element", "before", "after"]);
const HAS_VALUES = /"(?:key|element|before|after|previous|row)"\s*:/;

/** Where values of rows stand, whose digits all count. */
export function isValue(path: string[]): boolean {
  const name = path.at(-1) ?? "";
  return VALUES.has(name) || (path.at(-2) === "values" && (name === "previous" || name === "row"));
}

export async function readLog<T>(path: PathsWith<"get">, asked: Asked, signal?: AbortSignal): Promise<T> {
  const query = Object.fromEntries(Object.entries(asked.query ?? {}).filter(([, value]) => value !== undefined && value !== ""));
  const text: unknown = await request("get", path as never, { ...asked, query, text: true, ...(signal ? { signal } : {}) } as never);
  // A list of calls has no values of rows: the browser reads it faster.
  return (HAS_VALUES.test(text as string) ? parseExact(text as string, isValue) : JSON.parse(text as string)) as T;
}

/** Reads something of the log. What is read of a run that has ended does not change. */
export function useLog<T>(path: PathsWith<"get">, asked: Asked, extra: { enabled?: boolean; refetchInterval?: number | false; keep?: boolean } = {}): UseQueryResult<T, Error> {
  const workspace_id = useWorkspaceId();
  const whole = { query: asked.query, path: { workspace_id, ...asked.path } } as Asked;
  const { keep, ...others } = extra;
  return useQuery({
    queryKey: [path, whole.path, whole.query],
    queryFn: ({ signal }) => readLog<T>(path, whole, signal),
    staleTime: 30_000,
    ...(keep ? { placeholderData: keepPreviousData as never } : {}),
    ...others,
  });
}

export interface LogList<T> {
  items: T[];
  expired: boolean;
  /** Some keys cannot be looked up exactly, and not everything was searched. */
  incomplete: boolean;
  damaged: { object: string; problem: string }[];
  /** There is a next page by now. */
  more: boolean;
  /** The run still works: what comes later is added. */
  live: boolean;
  pages: number;
  isPending: boolean;
  isFetchingNextPage: boolean;
  error: unknown;
  refetch: () => unknown;
  fetchNextPage: () => unknown;
}

const TAIL = 3_000;
/** A browser draws no higher lists. Nobody reads so far; filters do better. */
export const MOST_ITEMS = 400_000;

/** A list of the log, page by page. Pages do not change once they are written, so none is read twice. */
export function useLogPages<T>(path: PathsWith<"get">, asked: Asked, extra: { enabled?: boolean; limit?: number } = {}): LogList<T> {
  const workspace_id = useWorkspaceId();
  const { enabled = true, limit = 200 } = extra;
  const whole = { query: asked.query, path: { workspace_id, ...asked.path } } as Asked;
  const result = useInfiniteQuery({
    // Not by its path: a change that touches runs would read all pages again.
    queryKey: ["log", path, whole.path, whole.query],
    queryFn: ({ pageParam, signal }) => readLog<LogPage<T> & { incomplete?: boolean }>(path, { path: whole.path ?? {}, query: { limit, ...whole.query, cursor: pageParam } }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? page.later_cursor ?? undefined,
    enabled,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    // Comparing all pages with what they were takes longer than drawing them.
    structuralSharing: false,
  });
  const pages = result.data?.pages;
  const last = pages?.at(-1);
  const items = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const more = Boolean(last?.next_cursor) && items.length < MOST_ITEMS;
  const live = Boolean(last && !last.next_cursor && last.later_cursor);
  const { fetchNextPage, isFetchingNextPage } = result;
  useEffect(() => {
    if (!live || isFetchingNextPage) return undefined;
    const timer = setTimeout(() => void fetchNextPage(), TAIL);
    return () => clearTimeout(timer);
  }, [live, isFetchingNextPage, fetchNextPage, pages]);
  return {
    items,
    expired: pages?.some((page) => page.expired) ?? false,
    incomplete: pages?.some((page) => page.incomplete) ?? false,
    damaged: useMemo(() => pages?.flatMap((page) => page.damaged) ?? [], [pages]),
    more,
    live,
    pages: pages?.length ?? 0,
    isPending: result.isPending,
    isFetchingNextPage,
    error: result.error,
    refetch: result.refetch,
    fetchNextPage,
  };
}
