import type { ReactElement } from "react";
import { lazy, Suspense, useMemo, useState } from "react";

import { duration } from "@/lib/format";

import { cx } from "./cx";
import type { Step } from "./steps";
import { stepAt } from "./steps";
import { Table } from "./Table";

const Plot = lazy(() => import("./Plot"));
const HEIGHT = 190;

export interface Line {
  name: string;
  /** The name of a variable of `styles.css`. */
  color: string;
  /** For the sign before its name. */
  fill: string;
}

interface TimeSeriesProps {
  label: string;
  /** When it began, in milliseconds since 1970. */
  start: number;
  steps: Step[];
  /** Stacked: the last is at the bottom. */
  lines: Line[];
  text: (value: number) => string;
  /** Beside the lines, where there is little room. */
  short?: (value: number) => string;
  binary?: boolean;
  /** Said while no moment is chosen. */
  summary?: string;
  /** Still grows. */
  live?: boolean;
}

/** Values over time: by mouse or arrow keys one moment, in UTC to the millisecond; below it all of them as a table. */
export function TimeSeries({ label, start, steps, lines, text, short = text, binary = false, summary, live }: TimeSeriesProps): ReactElement {
  const [at, setAt] = useState<number>();
  const [open, setOpen] = useState(false);
  // Only the newest stays chosen by its place: earlier ones may be merged as it grows.
  const place = at === undefined ? undefined : stepAt(steps, at);
  const chosen = place === undefined ? undefined : steps[place];
  const utc = (seconds: number) => new Date(start + seconds * 1000).toISOString();
  const colors = useMemo(() => lines.map(({ color }) => color), [lines]);
  const values = (step: Step) => lines.map(({ name }, line) => `${text(step.values[line] ?? 0)} ${name}`).reverse().join(", ");
  const move = (to: number) => setAt(middle(steps[Math.min(Math.max(to, 0), steps.length - 1)]));
  return (
    <figure aria-label={label} className="min-w-0 space-y-2">
      <figcaption className="flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1 text-xs text-muted">
        <ul aria-label="Colors" className="flex flex-wrap gap-x-4 gap-y-1">
          {[...lines].reverse().map(({ name, fill }) => <li key={name} className="flex items-center gap-1.5"><span aria-hidden className={cx("size-2 shrink-0 rounded-[2px]", fill)} />{name}</li>)}
        </ul>
        <p aria-hidden className="figures">{chosen ? <><span className="text-ink">{values(chosen)}</span> at <time dateTime={utc(chosen.from)}>{utcText(utc(chosen.from))}</time>, for {duration((chosen.to - chosen.from) * 1000)}</> : summary}</p>
      </figcaption>
      <div
        role="slider"
        tabIndex={0}
        aria-label={`${label}: a moment`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, steps.length - 1)}
        aria-valuenow={place ?? 0}
        aria-valuetext={chosen ? `${values(chosen)} at ${utcText(utc(chosen.from))}` : (summary ?? "none chosen")}
        className="rounded-md border border-line bg-surface"
        onBlur={() => setAt(undefined)}
        onKeyDown={(event) => {
          const here = place ?? -1;
          const to = { ArrowRight: here + 1, ArrowUp: here + 1, ArrowLeft: here - 1, ArrowDown: here - 1, PageUp: here + 10, PageDown: here - 10, Home: 0, End: steps.length - 1 }[event.key];
          if (event.key === "Escape") setAt(undefined);
          if (to === undefined) return;
          event.preventDefault();
          move(to);
        }}
      >
        <Suspense fallback={<div style={{ height: HEIGHT }} data-editor-waiting />}>
          <Plot steps={steps} colors={colors} height={HEIGHT} text={short} binary={binary} at={chosen && at} onPoint={setAt} />
        </Suspense>
      </div>
      <details className="text-[13px]" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="w-fit text-xs text-muted">As a table{live ? ", so far" : ""}</summary>
        {open && (
          <div className="mt-2 max-h-96 overflow-y-auto">
            <Table
              label={`${label}, as a table`}
              rows={steps}
              rowKey={(step) => String(step.from)}
              columns={[
                { name: "From (UTC)", cell: (step) => <span className="figures font-mono text-xs whitespace-nowrap">{utc(step.from)}</span> },
                { name: "For", right: true, cell: (step) => duration((step.to - step.from) * 1000) },
                ...lines.map(({ name }, line) => ({ name, right: true, cell: (step: Step) => text(step.values[line] ?? 0) })).reverse(),
              ]}
            />
          </div>
        )}
      </details>
    </figure>
  );
}

function middle(step: Step | undefined): number | undefined {
  return step && (step.from + step.to) / 2;
}

/** `2026-11-21 09:14:03.120 UTC`. */
function utcText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`;
}
