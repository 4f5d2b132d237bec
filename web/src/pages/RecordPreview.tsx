import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactElement } from "react";
import { useEffect, useState } from "react";

import type { Schemas } from "@/api/client";
import { useJob, W } from "@/api/hooks";
import type { ColumnUses, Described, PreviewRecord, RunPreview } from "@/api/jobs";
import { shardOf } from "@/lib/spread";
import { bytes, keyText, number, prettyJson } from "@/lib/format";
import { Button, IconButton } from "@/ui/Button";
import { Chip, CodeBlock, Fact, Facts, Id } from "@/ui/bits";
import { Segments } from "@/ui/Field";
import { Note, ProblemNote, Skeleton } from "@/ui/states";

import { SendRow } from "./SyncRows";

export function useSyncPreview() {
  return useJob<RunPreview, `${typeof W}/syncs/{sync_id}/preview`>(`${W}/syncs/{sync_id}/preview`);
}

interface Props {
  sync: Schemas["Sync"];
  preview: ReturnType<typeof useSyncPreview>;
  unsaved: boolean;
}

/** The exact record of one row, as the saved configuration makes it. */
export function RecordPreview({ sync, preview, unsaved }: Props): ReactElement {
  const [at, setAt] = useState(0);
  const [of, setOf] = useState<"all" | "next">("all");
  const ask = preview.mutate;
  const start = (what: "all" | "next") => {
    setOf(what);
    setAt(0);
    ask({ path: { sync_id: sync.id }, body: { records: 100, full_resync: what === "all" } });
  };
  const shards = useShards(sync);
  const records = preview.data?.records ?? [];
  const record = records[Math.min(at, records.length - 1)];
  return (
    <div className="space-y-3">
      <div className="flex items-center justify-between gap-2">
        <h2 className="text-[15px] font-semibold">The record of a row</h2>
        <Button small needs="editor" busy={preview.isPending} onClick={() => start(of)}>{preview.data ? "Show again" : "Show it"}</Button>
      </div>
      {preview.data && <Segments label="Rows" value={of} onChange={start} choices={[{ value: "all", label: "Of every row" }, { value: "next", label: "Of the next run" }]} />}
      {!preview.data && !preview.isPending && <Note>The exact message, with its key, hash, predicted shard and size. The model is read for it; nothing is sent.</Note>}
      {preview.isPending && <Skeleton rows={6} />}
      {unsaved && <p className="text-xs text-muted">As it is saved. Save your changes to see what they do.</p>}
      {preview.error && <ProblemNote error={preview.error} />}
      {preview.data && !record && <Note>{preview.data.questions[0] ?? preview.data.rejections[0]?.message ?? (of === "next" ? "Nothing would be sent: every row is as the stream has acknowledged it." : "The model has no rows at the moment.")}</Note>}
      {record && (
        <>
          <div className="flex items-center justify-between">
            <span className="text-xs text-muted">{at + 1} of the first {records.length}</span>
            <span className="flex">
              <IconButton small label="Record before" refusal={at === 0 && "This is the first"} onClick={() => setAt(at - 1)}><ChevronLeft className="size-4" aria-hidden /></IconButton>
              <IconButton small label="Next record" refusal={at >= records.length - 1 && "This is the last"} onClick={() => setAt(at + 1)}><ChevronRight className="size-4" aria-hidden /></IconButton>
            </span>
          </div>
          <RecordFacts record={record} shards={shards} limit={sync.limits.record_bytes ?? 1 << 20} />
          <SendRow small sync={sync} row={record.key} refusal={unsaved && "Save your changes first"} />
        </>
      )}
      <Watched sync={sync} />
    </div>
  );
}

/** Whose changes make a row count as changed, as the service reads the saved configuration. */
function Watched({ sync }: { sync: Schemas["Sync"] }): ReactElement | null {
  const uses = (sync as { uses?: ColumnUses }).uses;
  if (!uses) return null;
  return (
    <p className="flex flex-wrap items-center gap-1 text-xs text-muted">
      Columns watched: {uses.watched === "all" ? "all of them" : uses.watched.map((column) => <Chip key={column} className="font-mono">{column}</Chip>)}
    </p>
  );
}

type Shards = { id: string; first_hash_key: string; last_hash_key: string }[] | undefined;

export function useShards(sync: Schemas["Sync"]): Shards {
  const describe = useJob<Described, `${typeof W}/destinations/{destination_id}/shards`>(`${W}/destinations/{destination_id}/shards`);
  const ask = describe.mutate;
  useEffect(() => {
    ask({ path: { destination_id: sync.destination }, body: { stream: sync.stream } });
  }, [ask, sync.destination, sync.stream]);
  return describe.data?.shards.found;
}

/** Everything about one record: message, key, hash, predicted shard, size. */
export function RecordFacts({ record, shards, limit }: { record: PreviewRecord; shards: Shards; limit: number }): ReactElement {
  const shard = record.hash_key && shards ? shardOf(record.hash_key, shards) : undefined;
  return (
    <div className="space-y-3">
      <CodeBlock label="Message" text={prettyJson(record.data)} wrap />
      <Facts>
        <Fact name="Change"><Chip>{record.op}</Chip> <span className="font-mono text-xs">{keyText(record.key)}</span></Fact>
        <Fact name="Partition key"><Id value={record.partition_key} /></Fact>
        {record.hash_key && <Fact name="128-bit hash"><Id value={record.hash_key} /></Fact>}
        {shard && <Fact name="Predicted shard"><span className="font-mono text-xs">{shard}</span>{shards && record.hash_key && <Place hash={record.hash_key} shards={shards} />}</Fact>}
        <Fact name="Size">{number(record.bytes)} B <span className="text-muted">({((record.bytes / limit) * 100).toFixed(record.bytes / limit < 0.01 ? 2 : 0)}% of the {bytes(limit)} that a record may have; {Math.ceil(record.bytes / 25_600)} payload {Math.ceil(record.bytes / 25_600) === 1 ? "unit" : "units"} of 25 KB, so {number(Math.ceil(record.bytes / 25_600))} million for a million rows like it)</span></Fact>
      </Facts>
    </div>
  );
}

/** The shards side by side, with the place of the record marked. */
function Place({ hash, shards }: { hash: string; shards: NonNullable<Shards> }): ReactElement {
  const share = (value: string) => Number((BigInt(value) * 10_000n) >> 128n) / 100;
  return (
    <span className="relative mt-1 flex h-3 w-full overflow-hidden rounded-sm" role="img" aria-label={`At ${share(hash)}% of the stream`}>
      {shards.map((shard, at) => <span key={shard.id} title={shard.id} className={at % 2 ? "bg-line" : "bg-hover"} style={{ width: `${Math.max(share(shard.last_hash_key) - share(shard.first_hash_key), 0.01)}%` }} />)}
      <span className="absolute top-0 h-full w-0.5 bg-accent" style={{ left: `${share(hash)}%` }} />
    </span>
  );
}
