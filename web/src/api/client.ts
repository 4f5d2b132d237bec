import createClient from "openapi-fetch";

import { Problem, problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Before the path of everything that belongs to a workspace. */
export const W = "/v1/workspaces/{workspace_id}";

type Method = "get" | "post" | "put" | "delete";
export type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Content<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Success<R> = { [S in keyof R & (200 | 201 | 202 | 204)]: Content<R[S]> }[keyof R & (200 | 201 | 202 | 204)];

export type Answer<P extends keyof paths, M extends Method> = Operation<P, M> extends { responses: infer R } ? Success<R> : never;
export type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody: { content: { "application/json": infer T } } }
    ? T
    : Operation<P, M> extends { requestBody?: { content: { "application/json": infer T } } }
      ? T
      : never;
export type Query<P extends keyof paths, M extends Method> = Operation<P, M> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

export interface Options<P extends keyof paths, M extends Method> {
  path?: Record<string, string>;
  query?: Query<P, M>;
  body?: Body<P, M>;
  /** The ETag that the change was made on. */
  ifMatch?: string;
  /** Names this request, so that sending it again does not do it twice. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** The answer as text, for numbers with more digits than a browser keeps. */
  text?: boolean;
}

// Looked up at each call, so that a test can put another one in its place.
const client = createClient<paths>({ fetch: (request) => globalThis.fetch(request) });
const listeners = new Set<() => void>();

/** Calls `listener` when an answer says that nobody is signed in any more. */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export interface Versioned<T> {
  data: T;
  etag: string | undefined;
}

/** Sends a request, and gives the answer with its ETag. Refusals are thrown as `Problem`. */
export async function requestVersioned<M extends Method, P extends PathsWith<M>>(method: M, path: P, options: Options<P, M> = {}): Promise<Versioned<Answer<P, M>>> {
  const headers: Record<string, string> = {};
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  const init = {
    params: { path: options.path ?? {}, query: options.query ?? {} },
    headers,
    ...(options.body === undefined ? {} : { body: options.body }),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.text ? { parseAs: "text" } : {}),
  };
  const answer = await send(method, path, init);
  if (answer.error !== undefined || !answer.response.ok) {
    const problem = problemOf(answer.response, answer.error);
    if (problem.code === "unauthenticated") listeners.forEach((listener) => listener());
    throw problem;
  }
  return { data: answer.data as Answer<P, M>, etag: answer.response.headers.get("etag") ?? undefined };
}

/** The typing happens in `requestVersioned`; what goes on from there is text. */
async function send(method: string, path: string, init: object): Promise<{ data?: unknown; error?: unknown; response: Response }> {
  const untyped = client as unknown as { request: (method: string, path: string, init: object) => Promise<{ data?: unknown; error?: unknown; response: Response }> };
  try {
    return await untyped.request(method, path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw Problem.unreachable(error);
  }
}

export async function request<M extends Method, P extends PathsWith<M>>(method: M, path: P, options: Options<P, M> = {}): Promise<Answer<P, M>> {
  return (await requestVersioned(method, path, options)).data;
}
