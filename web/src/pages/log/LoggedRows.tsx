import type { ReactElement } from "react";
import { useMemo } from "react";

import type { Schemas } from "@/api/client";
import { useGet, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { bytes, number } from "@/lib/format";
import { hasEnded } from "@/lib/runs";
import { rawKeyText } from "@/log/exact";
import { useLogPages } from "@/log/read";
import { shardNumber } from "@/log/report";
import type { LoggedRow } from "@/log/shapes";
import { OPERATIONS, OUTCOMES } from "@/log/shapes";
import { Chip, Status } from "@/ui/bits";
import { Button } from "@/ui/Button";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";

import { ChoiceFilter, ClearFilters, Export, TextFilter, useCodes, useFilters } from "./Filters";
import type { ListColumn } from "./List";
import { List } from "./List";
import { LogNotes } from "./Notes";
import { Clock, SequenceNumber, TONES } from "./words";

const FILTERS = ["outcome", "op", "code", "shard", "key", "call"];
const choices = (values: readonly string[]) => values.map((value) => ({ value, label: value }));

/** What became of each row of a run. */
export default function LoggedRows({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const { search, set } = useFilters(run.id, "rows");
  const { outcome, op, code, shard, key, call } = search;
  const places = usePlaces();
  const navigate = useNavigate();
  const list = useLogPages<LoggedRow>(`${W}/runs/{run_id}/outcomes`, { path: { run_id: run.id }, query: { outcome, op, code, shard, key, call } });
  const codes = useCodes(["rejection", "invalid-row"]);
  const clear = () => set(Object.fromEntries(FILTERS.map((name) => [name, undefined])));
  const shards = useMemo(() => [...new Set(list.items.slice(0, 5_000).map((row) => row.shard).filter((each) => each !== null))].sort(), [list.items]);
  const open = (row: LoggedRow) => {
    if (row.key !== null) void navigate(places.timeline(run.sync, row.key));
  };
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-end gap-3">
        <TextFilter label="Key contains" value={key} onChange={(value) => set({ key: value })} className="w-44" />
        <ChoiceFilter label="Outcome" value={outcome} choices={choices(OUTCOMES)} onChange={(value) => set({ outcome: value })} />
        <ChoiceFilter label="Change" value={op} choices={choices(OPERATIONS)} onChange={(value) => set({ op: value })} />
        <TextFilter label="Code" value={code} onChange={(value) => set({ code: value })} proposals={codes} className="w-52" />
        <TextFilter label="Shard" value={shard} onChange={(value) => set({ shard: value })} proposals={shards} className="w-52" />
        <TextFilter label="Call" value={call} onChange={(value) => set({ call: value.replaceAll(/\D/g, "") })} className="w-20" />
        <ClearFilters names={FILTERS} search={search} set={set} />
        <div className="ml-auto"><Export run={run.id} table="rows" query={{ outcome, code }} /></div>
      </div>
      <LogNotes expired={list.expired} damaged={list.damaged} />
      {list.error ? <ProblemNote error={list.error} onRetry={() => (list.items.length > 0 ? list.fetchNextPage() : list.refetch())} /> : null}
      {list.isPending ? (list.error ? null : <Skeleton rows={12} />) : list.items.length > 0 || list.more ? (
        <List label="Rows" items={list.items} columns={COLUMNS} idOf={(_, at) => String(at)} onOpen={open} more={list.more} live={list.live} loading={list.isFetchingNextPage} broken={Boolean(list.error)} onMore={() => void list.fetchNextPage()} />
      ) : (
        <Nothing run={run} filtered={FILTERS.some((name) => search[name])} expired={list.expired} clear={clear} />
      )}
    </div>
  );
}

function Nothing({ run, filtered, expired, clear }: { run: Schemas["RunDetails"]; filtered: boolean; expired: boolean; clear: () => void }): ReactElement {
  const sync = useGet(`${W}/syncs/{sync_id}`, { path: { sync_id: run.sync } });
  if (filtered) return <Empty title="No row fits the filters" action={<Button onClick={clear}>Clear filters</Button>}>A key's text is looked for as it stands in JSON.</Empty>;
  if (expired) return <Empty title="The rows of this run are deleted from the log">The run is older than the workspace keeps its debug log.</Empty>;
  if (!hasEnded(run.state)) return <Empty title="No row yet">Rows are shown once the run has come to its next checkpoint.</Empty>;
  if (sync.data?.log?.rows === "none") return <Empty title="The rows of this sync are not logged">Its log setting keeps calls only. Change it in the sync's configuration to have rows from the next run on.</Empty>;
  return <Empty title="No row was planned">Nothing had changed since the run before, or this run ended before it came that far.</Empty>;
}

const COLUMNS: ListColumn<LoggedRow>[] = [
  { id: "key", name: "Key", className: "min-w-24 flex-1", cell: (row) => <span className="font-mono text-xs">{rawKeyText(row.key)}{row.element !== null && <span className="text-muted"> · {rawKeyText(row.element)}</span>}</span> },
  { id: "op", name: "Change", className: "w-20 shrink-0 @max-lg:hidden", cell: (row) => (row.op ? <Chip>{row.op}</Chip> : "") },
  { id: "outcome", name: "Outcome", className: "w-28 shrink-0", cell: (row) => <Status tone={TONES[row.outcome]}>{row.outcome}</Status> },
  { id: "code", name: "Code", className: "min-w-0 flex-1 @max-3xl:hidden", cell: (row) => <code className="font-mono text-xs text-muted" title={row.message ?? undefined}>{row.code}</code> },
  { id: "partition", name: "Partition key", className: "min-w-0 flex-1 @max-4xl:hidden", cell: (row) => <span className="font-mono text-xs text-muted">{row.partition_key}</span> },
  { id: "shard", name: "Shard", right: true, className: "w-14 shrink-0 @max-md:hidden", cell: (row) => (row.shard ? <span title={row.shard}>{shardNumber(row.shard)}</span> : "") },
  { id: "sequence", name: "Sequence number", className: "w-28 shrink-0 @max-xl:hidden", cell: (row) => (row.sequence_number ? <SequenceNumber value={row.sequence_number} short /> : row.outcome === "unanswered" ? <span className="text-muted">unknown</span> : "") },
  { id: "call", name: "Call", right: true, className: "w-16 shrink-0 @max-2xl:hidden", cell: (row) => (row.call ? number(row.call.call) : "") },
  { id: "puts", name: "Puts", right: true, className: "w-12 shrink-0 @max-4xl:hidden", cell: (row) => (row.attempts > 0 ? number(row.attempts) : "") },
  { id: "bytes", name: "Size", right: true, className: "w-18 shrink-0 @max-5xl:hidden", cell: (row) => (row.record_bytes === null ? "" : bytes(row.record_bytes)) },
  { id: "time", name: "Decided", right: true, className: "w-26 shrink-0 @max-md:hidden", cell: (row) => <Clock at={row.decided_at} /> },
];
