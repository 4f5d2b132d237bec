import type { ReactElement } from "react";
import { useState } from "react";

import { bytes, compact, duration } from "@/lib/format";
import type { Rate } from "@/log/report";
import { Segments } from "@/ui/Field";

const WIDTH = 1000;
const HEIGHT = 160;

type Measure = "records" | "bytes";

/** Steps over time: what was taken, and above it in red what was refused. Each part of the time is as wide as it was long. */
export function Throughput({ parts }: { parts: Rate[] }): ReactElement {
  const [measure, setMeasure] = useState<Measure>("records");
  const [at, setAt] = useState<number>();
  const end = Math.max(0.001, parts.at(-1)?.to ?? 0);
  const value = (part: Rate) => (measure === "records" ? part.records + part.throttled : part.bytes);
  const most = Math.max(1, ...parts.map(value));
  const text = (rate: number) => (measure === "records" ? `${compact(Math.round(rate))} records/s` : `${bytes(rate)}/s`);
  const bar = (part: Rate, from: number, size: number) => ({ x: (part.from / end) * WIDTH, width: Math.max(1, ((part.to - part.from) / end) * WIDTH - 0.5), y: HEIGHT - ((from + size) / most) * HEIGHT, height: (size / most) * HEIGHT });
  const refused = parts.reduce((sum, part) => sum + part.throttled * (part.to - part.from), 0);
  const chosen = at === undefined ? undefined : parts[at];
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Segments label="Measure" value={measure} onChange={setMeasure} choices={[{ value: "records", label: "Records" }, { value: "bytes", label: "Bytes" }]} />
        <p aria-live="polite" className="figures text-xs text-muted">
          {chosen ? `${duration(chosen.from * 1000)} to ${duration(chosen.to * 1000)}: ${text(measure === "records" ? chosen.records : chosen.bytes)}${chosen.throttled > 0 ? `, ${compact(Math.round(chosen.throttled))} refused/s` : ""}` : `at most ${text(most)}${refused >= 1 ? `, ${compact(Math.round(refused))} refused in all` : ""}`}
        </p>
      </div>
      <div
        role="slider"
        tabIndex={0}
        aria-label="A part of the time"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, parts.length - 1)}
        aria-valuenow={at ?? 0}
        aria-valuetext={chosen ? `${duration(chosen.from * 1000)}: ${text(value(chosen))}` : "none chosen"}
        onMouseMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const time = ((event.clientX - box.left) / box.width) * end;
          setAt(Math.max(0, parts.findLastIndex((part) => part.from <= time)));
        }}
        onMouseLeave={() => setAt(undefined)}
        onBlur={() => setAt(undefined)}
        onKeyDown={(event) => {
          const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
          if (step === 0) return;
          event.preventDefault();
          setAt(Math.min(Math.max((at ?? -1) + step, 0), parts.length - 1));
        }}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden className="h-40 w-full rounded-md border border-line bg-surface">
          {[0.25, 0.5, 0.75].map((share) => <line key={share} x1={0} x2={WIDTH} y1={HEIGHT * share} y2={HEIGHT * share} stroke="var(--line)" strokeWidth={1} vectorEffect="non-scaling-stroke" />)}
          {parts.map((part, place) => (
            <g key={place} opacity={at === undefined || at === place ? 1 : 0.55}>
              <rect {...bar(part, 0, measure === "records" ? part.records : part.bytes)} fill="var(--info-fill)" />
              {measure === "records" && part.throttled > 0 && <rect {...bar(part, part.records, part.throttled)} fill="var(--bad-fill)" />}
            </g>
          ))}
        </svg>
      </div>
      <p className="figures flex justify-between text-xs text-muted"><span>0 s</span><span>{duration(end * 1000)}</span></p>
    </div>
  );
}
