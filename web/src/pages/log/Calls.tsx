import type { ReactElement } from "react";
import { useMemo, useRef } from "react";

import type { Schemas } from "@/api/client";
import { W } from "@/api/hooks";
import { bytes, number } from "@/lib/format";
import { hasEnded } from "@/lib/runs";
import { useLogPages } from "@/log/read";
import type { LoggedCall } from "@/log/shapes";
import { Status } from "@/ui/bits";
import { Button } from "@/ui/Button";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";

import { CallPanel } from "./CallPanel";
import { ChoiceFilter, ClearFilters, Export, TextFilter, useCodes, useFilters } from "./Filters";
import type { ListColumn } from "./List";
import { List } from "./List";
import { LogNotes } from "./Notes";
import { Clock, latency } from "./words";

const FILTERS = ["kind", "failed", "code", "shard"];

/** Every call of the AWS API that a run made, and one of them beside the list. */
export default function Calls({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const { search, set } = useFilters(run.id, "calls");
  const { kind, failed, code, shard, call } = search;
  const query = { kind, code, shard, failed: failed ? true : undefined };
  const list = useLogPages<LoggedCall>(`${W}/runs/{run_id}/calls`, { path: { run_id: run.id }, query });
  const codes = useCodes(["call"]);
  const kinds = useMemo(() => [...new Set(list.items.slice(0, 2_000).map((item) => item.kind))], [list.items]);
  const shards = useMemo(() => [...new Set(list.items.slice(0, 2_000).flatMap((item) => item.shards))].sort(), [list.items]);
  const slowest = useMemo(() => list.items.reduce((most, item) => Math.max(most, item.latency_us), 1), [list.items]);
  const frame = useRef<HTMLDivElement>(null);
  const open = (number: number | undefined) => set({ call: number === undefined ? undefined : String(number) }, number !== undefined && call === undefined);
  const close = () => {
    open(undefined);
    frame.current?.querySelector<HTMLElement>("[role=grid]")?.focus();
  };
  const filtered = FILTERS.some((name) => search[name]);
  const columns = useMemo(() => columnsOf(slowest), [slowest]);
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-end gap-3">
        <TextFilter label="Kind" value={kind} onChange={(value) => set({ kind: value })} proposals={kinds} className="w-40" />
        <ChoiceFilter label="Result" value={failed} choices={[{ value: "only", label: "with failures" }]} onChange={(value) => set({ failed: value })} />
        <TextFilter label="Code" value={code} onChange={(value) => set({ code: value })} proposals={codes} className="w-56" />
        <TextFilter label="Shard" value={shard} onChange={(value) => set({ shard: value })} proposals={shards} className="w-56" />
        <ClearFilters names={FILTERS} search={search} set={set} />
        <div className="ml-auto"><Export run={run.id} table="calls" query={{ code }} /></div>
      </div>
      <LogNotes expired={list.expired} damaged={list.damaged} />
      {list.error ? <ProblemNote error={list.error} onRetry={() => (list.items.length > 0 ? list.fetchNextPage() : list.refetch())} /> : null}
      <div ref={frame} className="flex items-start gap-4">
        {list.isPending ? (list.error ? null : <Skeleton rows={12} className="flex-1" />) : list.items.length > 0 || list.more ? (
          <List label="Calls" items={list.items} columns={columns} idOf={(item) => String(item.number)} opened={call} onOpen={(item) => open(item.number)} onClose={close} more={list.more} live={list.live} loading={list.isFetchingNextPage} broken={Boolean(list.error)} onMore={() => void list.fetchNextPage()} />
        ) : (
          <div className="flex-1"><Nothing run={run} filtered={filtered} expired={list.expired} clear={() => set(Object.fromEntries(FILTERS.map((name) => [name, undefined])))} /></div>
        )}
        {call !== undefined && <CallPanel key={call} run={run} number={call} onClose={close} />}
      </div>
    </div>
  );
}

function Nothing({ run, filtered, expired, clear }: { run: Schemas["RunDetails"]; filtered: boolean; expired: boolean; clear: () => void }): ReactElement {
  if (filtered) return <Empty title="No call fits the filters" action={<Button onClick={clear}>Clear filters</Button>}>Filters look at the calls that the log has by now.</Empty>;
  if (expired) return <Empty title="The calls of this run are deleted">The run is older than the workspace keeps its debug log.</Empty>;
  if (!hasEnded(run.state)) return <Empty title="No call yet">Calls are shown once the run has come to its next checkpoint.</Empty>;
  return <Empty title="This run made no call">It had nothing to put, or it ended before it came that far. Its events tell which.</Empty>;
}

const code = (item: LoggedCall) => item.error?.code ?? item.failures[0]?.code;

function columnsOf(slowest: number): ListColumn<LoggedCall>[] {
  return [
    { id: "time", name: "Time", className: "w-26 shrink-0", cell: (item) => <Clock at={item.started_at} /> },
    { id: "kind", name: "Call", className: "min-w-28 flex-1", cell: (item) => <><span className="font-medium">{item.kind}</span> <span className="figures text-xs text-faint">{number(item.number)}</span></> },
    { id: "records", name: "Records", right: true, className: "w-16 shrink-0 @max-sm:hidden", cell: (item) => (item.records > 0 ? number(item.records) : "") },
    { id: "bytes", name: "Size", right: true, className: "w-18 shrink-0 @max-4xl:hidden", cell: (item) => (item.bytes > 0 ? bytes(item.bytes) : "") },
    {
      id: "latency", name: "Latency", right: true, className: "w-18 shrink-0 @max-md:hidden @4xl:w-40",
      cell: (item) => (
        <span className="flex items-center justify-end gap-2">
          <span aria-hidden className="hidden h-1.5 flex-1 justify-end overflow-hidden rounded-sm @4xl:flex"><span className="rounded-sm bg-info-fill" style={{ width: `${Math.max(2, (item.latency_us / slowest) * 100)}%` }} /></span>
          {latency(item.latency_us)}
        </span>
      ),
    },
    { id: "status", name: "Status", right: true, className: "w-14 shrink-0 @max-5xl:hidden", cell: (item) => item.http_status ?? <span className="text-muted">none</span> },
    {
      id: "failures", name: "Failures", className: "w-48 shrink-0 @max-lg:w-24 @5xl:w-80",
      cell: (item) => {
        if (item.error) return <Status tone="bad" className="max-w-full"><span className="truncate" title={item.error.code}>{item.error.code}</span></Status>;
        if (item.failed_records > 0) return <Status tone="warn" className="max-w-full"><span className="figures">{number(item.failed_records)}</span> <span className="truncate text-muted" title={code(item)}>{code(item)}</span></Status>;
        return <span className="text-faint">none</span>;
      },
    },
    { id: "attempt", name: "Attempt", right: true, className: "w-14 shrink-0 @max-3xl:hidden", cell: (item) => (item.attempt > 1 ? <span title={item.retry_reason ? `Again after ${item.retry_reason}` : undefined}>{item.attempt}</span> : <span className="text-faint">1</span>) },
  ];
}
