import type { Schemas } from "@/api/client";

import { counted } from "./format";

export interface Attention {
  sync: Schemas["Sync"];
  what: string;
  tone: "bad" | "warn";
  /** Where to look, if it is a run. */
  run?: string;
}

/** What of a sync waits for a person, the most urgent first. `left`: what its newest run left behind. */
export function attentionFor(sync: Schemas["Sync"], left: number): Attention[] {
  const found: Attention[] = [];
  const run = sync.newest_run;
  if (sync.held) found.push({ sync, tone: "bad", what: "Held after a restore: decide how it goes on." });
  if (sync.question) found.push({ sync, tone: "warn", what: "Its model, key or stream changed: choose how it goes on." });
  if (run?.state === "needs-approval" && !sync.question) found.push({ sync, tone: "warn", run: run.id, what: "A guard asks before rows are removed: approve or dismiss." });
  if (run?.state === "failed") found.push({ sync, tone: "bad", run: run.id, what: "The last run failed: see why." });
  if (run?.state === "stopped") found.push({ sync, tone: "bad", run: run.id, what: "The last run was stopped, because too much of it was rejected." });
  if (run?.state === "succeeded" && left > 0) found.push({ sync, tone: "warn", run: run.id, what: `The last run left ${counted(left, "row")} behind; the next one tries again.` });
  return found;
}
