import type { ReactElement } from "react";
import { useMemo } from "react";

import type { Schemas } from "@/api/client";
import { W } from "@/api/hooks";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { bytes, counted, number } from "@/lib/format";
import { hasEnded } from "@/lib/runs";
import { useLog } from "@/log/read";
import { costLines, dollars, phaseSpans, rates, shardHeat } from "@/log/report";
import type { RunReport } from "@/log/shapes";
import { Fact, Facts, Section } from "@/ui/bits";
import { Empty, Loaded, Note } from "@/ui/states";
import { Table } from "@/ui/Table";

import { HeatStrip } from "./HeatStrip";
import { LogNotes } from "./Notes";
import { PhaseBar } from "./PhaseBar";
import { Throughput } from "./Throughput";

/** What a run came to: time, throughput, shards, keys, cost. */
export default function Report({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const ended = hasEnded(run.state);
  const report = useLog<RunReport>(`${W}/runs/{run_id}/report`, { path: { run_id: run.id } }, { refetchInterval: ended ? false : 5_000 });
  return <Loaded of={report} rows={8}>{(found) => <Shown run={run} report={found} ended={ended} />}</Loaded>;
}

function Shown({ run, report, ended }: { run: Schemas["RunDetails"]; report: RunReport; ended: boolean }): ReactElement {
  const spans = phaseSpans(report.report);
  const points = report.report?.throughput;
  const parts = useMemo(() => rates(points ?? []), [points]);
  const { shards, unnamed } = shardHeat(report);
  return (
    <div className="space-y-8">
      <LogNotes expired={report.expired} damaged={report.damaged} />
      {!ended && <Note title="The run is at work">Sums go as far as its last checkpoint; phases and throughput come when it has ended.</Note>}
      {report.partial && <Note title="Not every row or call was looked at">There are too many to read each for a report, so shards, throttles and hot keys are of a part of them. An export has all.</Note>}
      {spans.length > 0 && <Section title="Time"><PhaseBar spans={spans} /></Section>}
      {parts.length > 0 && <Section title="Throughput" about="Records that the stream took, and puts that a shard refused for want of room."><Throughput start={points?.[0]?.at ?? 0} parts={parts} /></Section>}
      <Section title="Shards" about={shards.length > 0 ? "Each field is a shard: the fuller, the more bytes it got. A red edge marks those that refused records." : undefined}>
        {shards.length > 0 ? <HeatStrip run={run.id} shards={shards} /> : <Empty title="Nothing landed in a shard">No record was put, or rows are not logged.</Empty>}
        {unnamed > 0 && <p className="text-[13px] text-muted">{counted(unnamed, "refused record")} more, of which AWS did not name the shard.</p>}
      </Section>
      {report.hot_keys.length > 0 && <HotKeys run={run.id} report={report} />}
      <Cost report={report} />
      <Sums run={run.id} report={report} />
    </div>
  );
}

function HotKeys({ run, report }: { run: string; report: RunReport }): ReactElement {
  const places = usePlaces();
  return (
    <Section title="Hot partition keys" about="All records of a key go to one shard, which takes 1 MiB and 1,000 records a second.">
      <Table
        label="Hot partition keys"
        rows={report.hot_keys}
        rowKey={(key) => key.partition_key}
        columns={[
          { name: "Partition key", cell: (key) => <span className="font-mono text-xs break-all">{key.partition_key}</span> },
          { name: "Shard", wide: true, cell: (key) => (key.shard ? <Link {...places.run(run, { tab: "rows", shard: key.shard })} className="font-mono text-xs underline">{key.shard}</Link> : "") },
          { name: "Records", right: true, cell: (key) => number(key.records) },
          { name: "Share", right: true, cell: (key) => percent(key.share) },
          { name: "Size", right: true, wide: true, cell: (key) => bytes(key.bytes) },
        ]}
      />
    </Section>
  );
}

function percent(share: number): string {
  return share < 0.001 ? "< 0.1%" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

function Cost({ report }: { report: RunReport }): ReactElement {
  const { prices } = report.cost;
  return (
    <Section title="Cost" about="What AWS asks for the records of this run, by the mode of the stream: an estimate. Hours of shards and streams are not in it, since a run does not cause them.">
      <Table
        label="Cost"
        rows={costLines(report)}
        rowKey={(line) => line.mode}
        columns={[
          { name: "Mode", cell: (line) => line.mode },
          { name: "Cost", right: true, cell: (line) => <span className="font-medium">{dollars(line.cost)}</span> },
          { name: "From", wide: true, className: "text-muted", cell: (line) => line.by },
        ]}
      />
      <p className="text-xs text-muted">{report.sent.estimated && "From averages, since not every row was looked at or rows are not logged. "}Prices in US dollars as of {prices.as_of}, without tax and discounts: <code className="font-mono break-all">{prices.source}</code></p>
    </Section>
  );
}

function Sums({ run, report }: { run: string; report: RunReport }): ReactElement {
  const places = usePlaces();
  const codes = Object.entries(report.calls.by_code ?? {}).sort(([, one], [, other]) => other - one);
  return (
    <Section title="In the log">
      <Facts>
        <Fact name="Rows">
          {number(report.rows.rows)}
          {Object.entries(report.rows.by_outcome).map(([outcome, count]) => <span key={outcome}>, <Link {...places.run(run, { tab: "rows", outcome })} className="underline">{number(count)} {outcome}</Link></span>)}
        </Fact>
        <Fact name="Calls">{number(report.calls.calls)}{report.calls.failed > 0 && <>, <Link {...places.run(run, { tab: "calls", failed: "only" })} className="underline">{number(report.calls.failed)} with failures</Link></>}</Fact>
        {codes.map(([code, count]) => <Fact key={code} name={<code className="font-mono text-xs">{code}</code>}><Link {...places.run(run, { tab: "calls", code })} className="underline">{counted(count, "time")}</Link></Fact>)}
        <Fact name="Sent">{counted(report.sent.records, "record")}, {bytes(report.sent.bytes)}{report.sent.estimated && <span className="text-muted">, estimated</span>}</Fact>
        <Fact name="Storage">{bytes(report.log.bytes)} in {counted(report.log.objects, "object")}</Fact>
      </Facts>
    </Section>
  );
}

