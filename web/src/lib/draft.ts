import type { Schemas } from "@/api/client";
import type { Faults } from "@/api/problem";
import { asProblem, placeOf } from "@/api/problem";
import type { Mistake } from "@/editor/mistakes";
import type { SyncValue } from "@/pages/syncValue";
import { syncBody } from "@/pages/syncValue";

type Body = Schemas["RenderBody"];
type Rendered = Schemas["RenderedDraft"];

export interface Asked {
  sample: string;
  shards: string | undefined;
  sync: string | undefined;
  row: number;
  rows: number;
  op: Schemas["Change"];
  /** The column that changed; empty for all but the key. */
  column: string;
}

/** What is asked of the service. What no message depends on need not be written yet. */
export function draftBody(value: SyncValue, { sample, shards, sync, row, rows, op, column }: Asked): Body {
  const draft = { ...syncBody({ ...value, name: value.name.trim() || "unnamed", destination: "", stream: "any", schedule: { type: "manual" } }) };
  const previous = column === "" ? undefined : { row: (row + 1) % rows, columns: [column] };
  return { draft, sample, row, op, ...(shards ? { shards } : {}), ...(sync ? { sync } : {}), ...(op === "changed" && previous ? { previous } : {}) };
}

/** What is wrong with a draft, by the members of a sync; `rest` is about something else. */
export function draftFaults(error: unknown): { at: Faults; rest: string | undefined; stale: boolean } {
  if (error === undefined) return { at: {}, rest: undefined, stale: false };
  const problem = asProblem(error);
  const at: Faults = {};
  const rest: string[] = [];
  for (const { pointer, detail } of problem.faults) {
    const member = pointer?.startsWith("/draft/") ? pointer.slice("/draft".length) : undefined;
    if (member === undefined) rest.push(detail);
    else at[member] = at[member] ? `${at[member]} ${detail}` : detail;
  }
  const stale = problem.faults.some(({ pointer }) => pointer === "/sample");
  return { at, rest: problem.faults.length === 0 ? problem.message : rest.join(" ") || undefined, stale };
}

const PARTS: Record<string, string> = { message: "Message", partition_key: "Partition key", hash_key: "Hash key", fan_out: "Messages of a row", numbers: "Numbers", limits: "Limits", guards: "Guards", model: "Model", watch: "Watched columns", name: "Name" };

/** Where in the form a member is. */
export function partName(pointer: string): string {
  const [, part = "", ...more] = pointer.split("/");
  const member = part === "message" && more[0] === "fields" && more[1] !== undefined ? `, member ${Number(more[1]) + 1}` : "";
  return (PARTS[part] ?? part) + member;
}

/** The lines that say what is wrong, with the place of each. */
export function draftLines(faults: Faults, problems: Rendered["problems"], row: number): string[] {
  const lines = Object.entries(faults).map(([pointer, detail]) => `${partName(pointer)}: ${detail}`);
  for (const problem of problems.filter((each) => each.row === row)) {
    const place = problem.line === null || problem.column === null ? "" : `Line ${problem.line}, column ${problem.column}: `;
    const part = problem.pointer === null ? "This row" : partName(problem.pointer.replace(/^\/draft/, ""));
    // The text names its part and place by itself.
    const text = problem.message.replace(/^[a-z ]+ cannot be made: (in the field `[^`]*`: )?(line \d+, column \d+: )?/, "");
    lines.push(`${part}: ${place}${text}`);
  }
  return lines;
}

/** Places in the message's own text. */
export function draftMistakes(faults: Faults, problems: Rendered["problems"], row: number): Mistake[] {
  const found = Object.entries(faults).flatMap(([pointer, detail]) => (pointer === "/message/json" ? (placeOf(detail) ?? []) : []));
  const here = problems.filter((each) => each.row === row && each.pointer === "/draft/message/json" && each.line !== null && each.column !== null);
  return [...found, ...here.map((each) => ({ line: each.line ?? 1, column: each.column ?? 1, text: `In this row: ${each.message}`, warning: true }))];
}

/** A text in pieces, those marked that stand for what only a run knows. Values too short to be told from others are not. */
export function marked(text: string, standIns: { name: string; value: string }[]): { text: string; name?: string }[] {
  let pieces: { text: string; name?: string }[] = [{ text }];
  for (const { name, value } of standIns) {
    if (value.length < 8) continue;
    pieces = pieces.flatMap((piece) => (piece.name ? [piece] : piece.text.split(value).flatMap((part, at) => (at === 0 ? [{ text: part }] : [{ text: value, name }, { text: part }]))));
  }
  return pieces.filter((piece) => piece.text !== "");
}

/** `$0.014`, with as many digits as say something. */
export function dollars(value: number): string {
  if (value === 0) return "$0";
  return `$${value.toFixed(value >= 1 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(value))))}`;
}
