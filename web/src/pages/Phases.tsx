import { Check, LoaderCircle } from "lucide-react";
import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { hasEnded } from "@/lib/runs";
import type { Progress } from "@/lib/useRunStream";
import { duration, number } from "@/lib/format";
import { cx } from "@/ui/cx";

const PHASES = [
  { id: "plan", label: "Plan", about: "Reads the model, compares it with what was acknowledged." },
  { id: "send", label: "Send", about: "Puts the records that differ." },
  { id: "finish", label: "Finish", about: "Closes the books." },
] as const;

/** Where the run is, from left to right. */
export function Phases({ run, progress, times }: { run: Schemas["RunDetails"]; progress: Progress | undefined; /** How long each took, in milliseconds, as far as that is known. */ times?: Record<string, number> }): ReactElement {
  const known = progress ?? (run.progress as Progress | null) ?? undefined;
  const at = run.state === "succeeded" ? 3 : run.state === "queued" ? -1 : known?.phase === "sending" ? 1 : known?.phase === "finishing" ? 2 : 0;
  const ended = hasEnded(run.state);
  const doing = run.state === "queued" ? "Waits for a worker" : known?.phase === "waiting" ? "Waits for what another worker left" : known?.phase === "reading" ? `Reading: ${number(known.counts.queried)} rows so far` : known?.phase === "comparing" ? "Comparing with what the stream has" : known?.phase === "sending" ? `${number(known.counts.delivered)} of ${number(known.counts.planned)} records delivered` : known?.phase === "finishing" ? "Finishing" : "Starting";
  return (
    <div>
      <ol aria-label="Phases" className="grid gap-2 sm:grid-cols-3">
        {PHASES.map((phase, place) => {
          const state = place < at ? "done" : place === at ? (ended ? "ended" : "now") : "later";
          return (
            <li key={phase.id} aria-current={state === "now" ? "step" : undefined} className={cx("flex gap-2 rounded-md border border-line px-3 py-2", state === "now" && "border-accent", state === "later" && "border-dashed text-muted")}>
              {state === "done" ? <Check className="mt-0.5 size-4 shrink-0 text-good" aria-label="done" /> : state === "now" ? <LoaderCircle className="mt-0.5 size-4 shrink-0 animate-spin text-accent" aria-label="at work" /> : <span className={cx("mt-1.5 ml-0.5 mr-0.5 size-2.5 shrink-0 rounded-full", state === "ended" ? (run.state === "failed" || run.state === "stopped" ? "bg-bad-fill" : "bg-warn-fill") : "bg-quiet-fill")} aria-label={state === "ended" ? "ended here" : "not begun"} role="img" />}
              <div className="min-w-0 flex-1"><p className="flex justify-between gap-3 font-medium">{phase.label}{times?.[phase.id] !== undefined && state !== "later" && <span className="figures font-normal text-muted">{duration(times[phase.id] ?? 0)}</span>}</p><p className="text-xs text-muted">{phase.about}</p></div>
            </li>
          );
        })}
      </ol>
      {!ended && <p aria-live="polite" className="figures mt-2 text-[13px] text-muted">{run.cancel_requested_at ? "Cancelling: it stops at the next checkpoint." : `${doing}.`}</p>}
    </div>
  );
}
