import type { ReactElement } from "react";
import { useMemo, useState } from "react";

import { bytes, compact } from "@/lib/format";
import type { Rate } from "@/log/report";
import { Segments } from "@/ui/Field";
import type { Line } from "@/ui/TimeSeries";
import { TimeSeries } from "@/ui/TimeSeries";

type Measure = "records" | "bytes";

const RECORDS: Line[] = [
  { name: "refused", color: "bad-fill", fill: "bg-bad-fill" },
  { name: "taken", color: "info-fill", fill: "bg-info-fill" },
];
const BYTES: Line[] = [{ name: "taken", color: "info-fill", fill: "bg-info-fill" }];

/** What the stream took over time, and above it in red what was refused. */
export function Throughput({ start, parts, live }: { start: number; parts: Rate[]; live?: boolean }): ReactElement {
  const [measure, setMeasure] = useState<Measure>("records");
  const shown = live ? "records" : measure;
  const steps = useMemo(() => parts.map(({ from, to, records, bytes: size, throttled }) => ({ from, to, values: shown === "records" ? [throttled, records] : [size] })), [parts, shown]);
  const most = Math.max(0, ...parts.map((part) => (shown === "records" ? part.records : part.bytes)));
  const refused = Math.round(parts.reduce((sum, part) => sum + part.throttled * (part.to - part.from), 0));
  return (
    <div className="space-y-3">
      {!live && <Segments label="Measure" value={measure} onChange={setMeasure} choices={[{ value: "records", label: "Records" }, { value: "bytes", label: "Bytes" }]} />}
      {shown === "records" ? (
        <TimeSeries label="Records a second" start={start} steps={steps} lines={RECORDS} text={perSecond} short={count} live={live ?? false} summary={`at most ${perSecond(most)} taken${refused > 0 ? `, ${compact(refused)} refused in all` : ", none refused"}`} />
      ) : (
        <TimeSeries label="Bytes a second" start={start} steps={steps} lines={BYTES} binary text={(value) => `${bytes(value)}/s`} short={(value) => bytes(value)} summary={`at most ${bytes(most)}/s taken`} />
      )}
    </div>
  );
}

function count(value: number): string {
  return compact(value < 10 ? Number(value.toFixed(1)) : Math.round(value));
}

function perSecond(value: number): string {
  return `${count(value)}/s`;
}
