import type { Point, RunReport } from "./shapes";

const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SMALL = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumSignificantDigits: 2 });

/** Runs cost cents and less, so small sums keep two digits that say something. */
export function dollars(value: number): string {
  if (value === 0) return "$0";
  if (value < 0.000001) return "less than $0.000001";
  return value < 0.1 ? SMALL.format(value) : DOLLARS.format(value);
}

/** What of a cost it comes from: `12 payload units at $0.014 a million`. */
export function costLines({ cost, sent }: Pick<RunReport, "cost" | "sent">): { mode: string; cost: number; by: string }[] {
  const { prices } = cost;
  const count = new Intl.NumberFormat("en-US");
  const gib = `${count.format(sent.billed_kib)} KiB, each record rounded up to whole KiB`;
  return [
    { mode: "Provisioned", cost: cost.provisioned, by: `${count.format(sent.payload_units)} payload ${sent.payload_units === 1 ? "unit" : "units"} of 25 KiB, at ${dollars(prices.million_payload_units)} a million` },
    { mode: "On-demand standard", cost: cost.on_demand_standard, by: `${gib}, at ${dollars(prices.on_demand_gib)} a GiB` },
    { mode: "On-demand advantage", cost: cost.on_demand_advantage, by: `${gib}, at ${dollars(prices.advantage_gib)} a GiB` },
  ];
}

export interface PhaseSpan {
  phase: string;
  at: number;
  milliseconds: number;
}

/** How long each phase took. The last entry tells when the run ended. An attempt that went on may name a phase again. */
export function phaseSpans(report: RunReport["report"]): PhaseSpan[] {
  const phases = report?.phases ?? [];
  const spans: PhaseSpan[] = [];
  phases.forEach(({ phase, started_at: at }, place) => {
    const next = phases[place + 1];
    const before = spans.at(-1);
    if (!next || phase === "ended") return;
    const milliseconds = Math.max(0, next.started_at - at);
    if (before?.phase === phase) before.milliseconds += milliseconds;
    else spans.push({ phase, at, milliseconds });
  });
  return spans;
}

const PHASES: Record<string, string> = { waiting: "plan", reading: "plan", comparing: "plan", sending: "send", finishing: "finish" };

/** The same by the three phases that a run is told in. */
export function phaseTimes(spans: PhaseSpan[]): Record<string, number> {
  const times: Record<string, number> = {};
  for (const { phase, milliseconds } of spans) {
    const name = PHASES[phase] ?? phase;
    times[name] = (times[name] ?? 0) + milliseconds;
  }
  return times;
}

export interface ShardHeat {
  shard: string;
  records: number;
  bytes: number;
  throttled: number;
  /** Of the shard with the most bytes, from 0 to 1. */
  heat: number;
}

/** Load and throttles by shard. Where not all rows were looked at, the worker's own sums say more. */
export function shardHeat(report: Pick<RunReport, "report" | "shards" | "throttles" | "partial">): { shards: ShardHeat[]; unnamed: number } {
  const own = report.report?.shards;
  const sums = new Map<string, { records: number; bytes: number; throttled: number }>();
  if (own && (report.partial || report.shards.length === 0)) Object.entries(own).forEach(([shard, load]) => sums.set(shard, { ...load }));
  else {
    report.shards.forEach(({ shard, records, bytes }) => sums.set(shard, { records, bytes, throttled: 0 }));
    for (const { shard, records } of report.throttles) {
      if (shard === null) continue;
      const load = sums.get(shard) ?? { records: 0, bytes: 0, throttled: 0 };
      sums.set(shard, { ...load, throttled: load.throttled + records });
    }
  }
  const most = Math.max(1, ...[...sums.values()].map((load) => load.bytes));
  const shards = [...sums].map(([shard, load]) => ({ shard, ...load, heat: load.bytes / most }));
  shards.sort((one, other) => one.shard.localeCompare(other.shard));
  return { shards, unnamed: report.throttles.filter(({ shard }) => shard === null).reduce((sum, { records }) => sum + records, 0) };
}

/** `shardId-000000000012` as `12`, to fit into a cell. */
export function shardNumber(shard: string): string {
  return shard.replace(/^shardId-0*(?=\d)/, "");
}

export interface Rate {
  /** Seconds since the first point: beginning and end of the part. */
  from: number;
  to: number;
  records: number;
  bytes: number;
  throttled: number;
}

/** Per second, of each part of the time. */
export function rates(points: Point[]): Rate[] {
  const start = points[0]?.at ?? 0;
  return points.map(({ at, milliseconds, records, bytes, throttled }) => {
    const seconds = Math.max(milliseconds, 1) / 1000;
    return { from: (at - start) / 1000, to: (at - start) / 1000 + seconds, records: records / seconds, bytes: bytes / seconds, throttled: throttled / seconds };
  });
}
