import type { ReactElement } from "react";
import { useEffect, useMemo } from "react";

import type { Schemas } from "@/api/client";
import { useJob, W } from "@/api/hooks";
import type { ColumnUses, Described, PreviewRecord, RunPreview, Shard } from "@/api/jobs";
import { shardOf } from "@/lib/spread";
import { bytes, keyText, number, prettyJson } from "@/lib/format";
import { Chip, CodeBlock, Fact, Facts, Id } from "@/ui/bits";

export function useSyncPreview() {
  return useJob<RunPreview, `${typeof W}/syncs/{sync_id}/preview`>(`${W}/syncs/{sync_id}/preview`);
}

/** Whose changes make a row count as changed, as the service reads the saved configuration. */
export function Watched({ sync }: { sync: Schemas["Sync"] }): ReactElement | null {
  const uses = (sync as { uses?: ColumnUses }).uses;
  if (!uses) return null;
  return (
    <p className="flex flex-wrap items-center gap-1 text-xs text-muted">
      Columns watched: {uses.watched === "all" ? "all of them" : uses.watched.map((column) => <Chip key={column} className="font-mono">{column}</Chip>)}
    </p>
  );
}

/** The open shards of a stream, with the job that listed them. */
export type Shards = { job: string; list: Shard[] } | undefined;

/** Not with each letter of its name that is typed. */
const PAUSE = 500;

export function useShards(destination: string, stream: string): Shards {
  const describe = useJob<Described, `${typeof W}/destinations/{destination_id}/shards`>(`${W}/destinations/{destination_id}/shards`);
  const ask = describe.mutate;
  useEffect(() => {
    if (!destination || !stream) return;
    const timer = setTimeout(() => ask({ path: { destination_id: destination }, body: { stream } }), PAUSE);
    return () => clearTimeout(timer);
  }, [ask, destination, stream]);
  const found = describe.data;
  return useMemo(() => (found?.shards.found ? { job: found.job, list: found.shards.found } : undefined), [found]);
}

/** Everything about one record: message, key, hash, predicted shard, size. */
export function RecordFacts({ record, shards, limit }: { record: PreviewRecord; shards: Shards; limit: number }): ReactElement {
  const shard = record.hash_key && shards ? shardOf(record.hash_key, shards.list) : undefined;
  return (
    <div className="space-y-3">
      <CodeBlock label="Message" text={prettyJson(record.data)} wrap />
      <Facts>
        <Fact name="Change"><Chip>{record.op}</Chip> <span className="font-mono text-xs">{keyText(record.key)}</span></Fact>
        <Fact name="Partition key"><Id value={record.partition_key} /></Fact>
        {record.hash_key && <Fact name="128-bit hash"><Id value={record.hash_key} /></Fact>}
        {shard && <Fact name="Predicted shard"><span className="font-mono text-xs">{shard}</span>{shards && record.hash_key && <Place hash={record.hash_key} shards={shards.list} />}</Fact>}
        <Fact name="Size">{number(record.bytes)} B <span className="text-muted">({((record.bytes / limit) * 100).toFixed(record.bytes / limit < 0.01 ? 2 : 0)}% of the {bytes(limit)} that a record may have; {Math.ceil(record.bytes / 25_600)} payload {Math.ceil(record.bytes / 25_600) === 1 ? "unit" : "units"} of 25 KB, so {number(Math.ceil(record.bytes / 25_600))} million for a million rows like it)</span></Fact>
      </Facts>
    </div>
  );
}

/** The shards side by side, with the place of the record marked. */
export function Place({ hash, shards }: { hash: string; shards: Shard[] }): ReactElement {
  const share = (value: string) => Number((BigInt(value) * 10_000n) >> 128n) / 100;
  return (
    <span className="relative mt-1 flex h-3 w-full overflow-hidden rounded-sm" role="img" aria-label={`At ${share(hash)}% of the stream`}>
      {shards.map((shard, at) => <span key={shard.id} title={shard.id} className={at % 2 ? "bg-line" : "bg-hover"} style={{ width: `${Math.max(share(shard.last_hash_key) - share(shard.first_hash_key), 0.01)}%` }} />)}
      <span className="absolute top-0 h-full w-0.5 bg-accent" style={{ left: `${share(hash)}%` }} />
    </span>
  );
}
