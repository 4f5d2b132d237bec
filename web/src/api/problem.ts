import type { components } from "./schema";

type Body = components["schemas"]["Problem"];
export type Fault = components["schemas"]["Fault"];

/** A refusal of the API, or the lack of an answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly faults: Fault[];
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(body: Partial<Body> & { status: number; code: string; detail: string }, retryAfter?: number, options?: ErrorOptions) {
    super(body.detail, options);
    this.name = "Problem";
    this.status = body.status;
    this.code = body.code;
    this.title = body.title ?? body.code;
    this.faults = body.errors ?? [];
    this.requestId = body.instance;
    this.retryAfter = retryAfter;
  }

  static unreachable(cause: unknown): Problem {
    const detail = "The service did not answer. Check your connection; what you typed is kept, so you can try again.";
    return new Problem({ status: 0, code: "unreachable", title: "No answer", detail }, undefined, { cause });
  }
}

export function problemOf(response: Response, body: unknown): Problem {
  const retryAfter = Number(response.headers.get("retry-after")) || undefined;
  if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
    return new Problem(body as Body, retryAfter);
  }
  // Something in between answered, a proxy for example.
  const detail = `The answer was ${response.status} ${response.statusText} without an explanation. Try again in a moment.`;
  return new Problem({ status: response.status, code: "unexplained", title: "No explanation", detail }, retryAfter);
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ status: 0, code: "page", title: "This page failed", detail }, undefined, { cause: error });
}

/** What is wrong, by the JSON pointer of the member. */
export type Faults = Record<string, string>;

/** The faults of a refusal at their members. What is about a member that has no field stays with `rest`. */
export function faultsAt(error: unknown, fields: (pointer: string) => boolean = () => true): { at: Faults; rest: string[] } {
  const at: Faults = {};
  const rest: string[] = [];
  for (const fault of error instanceof Problem ? error.faults : []) {
    const pointer = fault.pointer;
    if (pointer !== undefined && fields(pointer)) at[pointer] = at[pointer] ? `${at[pointer]} ${fault.detail}` : fault.detail;
    else rest.push(fault.pointer || fault.parameter || fault.header ? `${fault.pointer ?? fault.parameter ?? fault.header}: ${fault.detail}` : fault.detail);
  }
  return { at, rest };
}

/** The place that a fault of a template names: `Line 3, column 7: ..`. */
export function placeOf(detail: string): { line: number; column: number; text: string } | undefined {
  const found = /^Line (\d+), column (\d+): ([\s\S]*)$/.exec(detail);
  return found ? { line: Number(found[1]), column: Number(found[2]), text: found[3] ?? "" } : undefined;
}
