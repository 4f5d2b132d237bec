import type { Schemas } from "@/api/client";
import type { Tone } from "@/ui/bits";

type Run = Pick<Schemas["Run"], "state" | "counts">;
type Counts = Schemas["Counts"];

/** A run's state as a colour, with what was left behind taken into account. */
export function toneOf({ state, counts }: Run): Tone {
  if (state === "succeeded") return counts && leftBehind(counts) > 0 ? "warn" : "good";
  if (state === "failed" || state === "stopped") return "bad";
  if (state === "needs-approval") return "warn";
  return state === "running" ? "busy" : "quiet";
}

export function stateText({ state, counts }: Run): string {
  if (state === "needs-approval") return "needs approval";
  if (state === "succeeded" && counts && leftBehind(counts) > 0) return "with rejections";
  return state;
}

export function leftBehind(counts: Counts): number {
  return counts.rejected + counts.unanswered + counts.deferred;
}

export function hasEnded(state: Schemas["RunState"]): boolean {
  return state !== "queued" && state !== "running";
}

export interface Part {
  id: keyof Counts;
  label: string;
  value: number;
  tone: "good" | "info" | "warn" | "bad" | "quiet";
}

/** What became of the units that were compared: rows, unless a row fans out. The service promises that the parts add up. */
export function readParts(counts: Counts): { total: number; parts: Part[] } {
  const parts: Part[] = [
    { id: "unchanged", label: "unchanged", value: counts.unchanged, tone: "quiet" },
    { id: "added", label: "added", value: counts.added, tone: "good" },
    { id: "changed", label: "changed", value: counts.changed, tone: "info" },
    { id: "repeated", label: "sent again", value: counts.repeated, tone: "warn" },
    { id: "invalid", label: "invalid", value: counts.invalid, tone: "bad" },
  ];
  return { total: counts.units + counts.invalid, parts };
}

/** What became of what was planned. While a run works, what is deferred is what it has not come to yet. */
export function plannedParts(counts: Counts, ended = true): { total: number; parts: Part[] } {
  const parts: Part[] = [
    { id: "delivered", label: "delivered", value: counts.delivered, tone: "good" },
    { id: "rejected", label: "rejected", value: counts.rejected, tone: "bad" },
    { id: "unanswered", label: "unanswered", value: counts.unanswered, tone: "warn" },
    { id: "deferred", label: ended ? "deferred" : "still to send", value: counts.deferred, tone: ended ? "warn" : "quiet" },
  ];
  return { total: counts.planned, parts };
}

/** Who or what asked for a run. */
export function requesterText(by: unknown): string {
  if (typeof by !== "object" || by === null) return "unknown";
  const found = by as Record<string, unknown>;
  if (found.schedule) return "schedule";
  if (found.follow_up) return "a run before it";
  if (typeof found.email === "string") return found.email;
  if (typeof found.name === "string") return `key ${found.name}`;
  return found.operator ? "operator" : "unknown";
}

/** What is told of an event, in words: `by ann@example.com, kind normal`. */
export function eventText(detail: unknown): string {
  if (typeof detail !== "object" || detail === null) return "";
  const said = Object.entries(detail).filter(([, value]) => value !== null && JSON.stringify(value) !== "{}");
  return said.map(([name, value]) => (name === "by" ? `by ${requesterText(value)}` : name === "reason" ? reasonText(value) : `${name.replaceAll("_", " ")} ${typeof value === "string" ? value : JSON.stringify(value)}`)).join(", ");
}

function reasonText(reason: unknown): string {
  const { text, code } = Object(reason) as { text?: unknown; code?: unknown };
  const said = [reason, text, code].find((each) => typeof each === "string");
  return `because of ${said ?? JSON.stringify(reason)}`;
}

export function actorText(actor: unknown): string {
  return requesterText(actor);
}
