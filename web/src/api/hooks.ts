import type { UseQueryOptions, UseQueryResult } from "@tanstack/react-query";
import { keepPreviousData, QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";

import { useWorkspaceId } from "@/app/workspace";

import type { Answer, Options, PathsWith, Query, Schemas } from "./client";
import { request, requestVersioned, W } from "./client";
import type { Found, Job } from "./jobs";
import { finished, opened } from "./jobs";
import type { paths } from "./schema";
import { Problem } from "./problem";

export function newQueryClient(): QueryClient {
  const retry = (count: number, error: Error) => count < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 500);
  return new QueryClient({ defaultOptions: { queries: { staleTime: 5_000, retry }, mutations: { retry: false } } });
}

type Extra<T> = Pick<UseQueryOptions<T, Error>, "enabled" | "refetchInterval" | "staleTime">;

/** Reads something of the workspace whose pages are shown (or of nobody's, where the path names none). */
export function useGet<P extends PathsWith<"get">>(path: P, options: Pick<Options<P, "get">, "path" | "query"> = {}, extra: Extra<Answer<P, "get">> = {}): UseQueryResult<Answer<P, "get">, Error> {
  const workspace = useWorkspaceId();
  const asked = { ...options, path: { workspace_id: workspace, ...options.path } };
  return useQuery({
    queryKey: [path, asked.path, asked.query],
    queryFn: ({ signal }) => request("get", path, { ...asked, signal } as Options<P, "get">),
    placeholderData: keepPreviousData as never,
    ...extra,
  });
}

/** As `useGet`, with the ETag that a change of it has to name. What was read for another path never shows. */
export function useGetVersioned<P extends PathsWith<"get">>(path: P, options: Pick<Options<P, "get">, "path"> = {}, extra: { enabled?: boolean; refetchInterval?: number | false } = {}) {
  const workspace = useWorkspaceId();
  const asked = { path: { workspace_id: workspace, ...options.path } };
  return useQuery({
    queryKey: [path, asked.path, "versioned"],
    queryFn: ({ signal }) => requestVersioned("get", path, { ...asked, signal } as Options<P, "get">),
    ...extra,
  });
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** A list, page by page. */
export function usePages<P extends PathsWith<"get">, T = Answer<P, "get"> extends Page<infer I> ? I : never>(path: P, options: Pick<Options<P, "get">, "path" | "query"> = {}, extra: { enabled?: boolean; refetchInterval?: number | false } = {}) {
  const workspace = useWorkspaceId();
  const asked = { ...options, path: { workspace_id: workspace, ...options.path } };
  const result = useInfiniteQuery({
    queryKey: [path, asked.path, asked.query, "pages"],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 100, ...asked.query, ...(pageParam ? { cursor: pageParam } : {}) } as unknown as Query<P, "get">;
      return request("get", path, { ...asked, query, signal } as Options<P, "get">) as Promise<Page<T>>;
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    ...extra,
  });
  const items = useMemo(() => result.data?.pages.flatMap((page) => page.items) ?? [], [result.data]);
  return { ...result, items };
}

/** Everything of a list that has some hundred entries at most, such as the sources of a workspace. */
export function useWhole<P extends PathsWith<"get">, T = Answer<P, "get"> extends Page<infer I> ? I : never>(path: P, extra: { enabled?: boolean; refetchInterval?: number | false } = {}): UseQueryResult<T[], Error> {
  const workspace = useWorkspaceId();
  const asked = { path: { workspace_id: workspace } };
  return useQuery({
    queryKey: [path, asked.path, "whole"],
    queryFn: async ({ signal }) => {
      const all: T[] = [];
      for (let cursor: string | null = ""; cursor !== null && all.length < 10_000; ) {
        const query = { limit: 200, ...(cursor ? { cursor } : {}) };
        const page = (await request("get", path, { ...asked, query, signal } as unknown as Options<P, "get">)) as unknown as Page<T>;
        all.push(...page.items);
        cursor = page.next_cursor;
      }
      return all;
    },
    ...extra,
  });
}

type Changing = "post" | "put" | "delete";

/** A change. Afterwards everything that begins with one of `touches` is read again. */
export function useChange<M extends Changing, P extends PathsWith<M>>(method: M, path: P, touches: (keyof paths)[] = []) {
  const workspace = useWorkspaceId();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (options: Options<P, M>) => requestVersioned(method, path, { ...options, path: { workspace_id: workspace, ...options.path } }).then((answer) => answer.data),
    onSettled: () => Promise.all(touches.map((prefix) => queries.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).startsWith(prefix) }))),
  });
}

/** Work that a worker does on the user's hosts, followed to its end. */
export function useJob<T, P extends PathsWith<"post">>(path: P, touches: (keyof paths)[] = []) {
  const workspace = useWorkspaceId();
  const queries = useQueryClient();
  return useMutation<Found<T>, Error, Options<P, "post">>({
    mutationFn: (options) => {
      const start = () => request("post", path, { ...options, path: { workspace_id: workspace, ...options.path }, query: { wait: 20 } as unknown as Query<P, "post"> });
      return finished<T>(workspace, opened(start as unknown as () => Promise<Job>, options.signal), options.signal);
    },
    onSuccess: () => touches.forEach((prefix) => void queries.invalidateQueries({ queryKey: [prefix] })),
  });
}

export { W };
export type { Schemas };
