import type { ReactElement } from "react";
import { useEffect, useMemo } from "react";

import { useJob, W } from "@/api/hooks";
import type { Described, QueryResult } from "@/api/jobs";
import { counted } from "@/lib/format";
import { Note } from "@/ui/states";

import { hotKeys, spread } from "@/lib/spread";

interface Props {
  destination: string;
  stream: string;
  column: string;
  sample: QueryResult;
}

/** How evenly the keys of the sample would spread over the stream's shards. */
export function Spread({ destination, stream, column, sample }: Props): ReactElement | null {
  const describe = useJob<Described, `${typeof W}/destinations/{destination_id}/shards`>(`${W}/destinations/{destination_id}/shards`);
  const ask = describe.mutate;
  useEffect(() => {
    if (destination && stream) ask({ path: { destination_id: destination }, body: { stream } });
  }, [destination, stream, ask]);
  const keys = useMemo(() => {
    const place = sample.columns.findIndex((each) => each.name === column);
    return place < 0 ? [] : sample.rows.map((row) => row[place]).filter((value) => value !== null).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  }, [sample, column]);
  const shards = describe.data?.shards.found;
  // A hash for each key: not anew with each letter that is typed into the form.
  const bars = useMemo(() => (shards ? spread(keys, shards) : []), [keys, shards]);
  const hot = useMemo(() => hotKeys(keys), [keys]);
  if (keys.length === 0) return null;
  const most = Math.max(1, ...bars.map((bar) => bar.keys));
  return (
    <div className="space-y-2">
      {bars.length > 0 && (
        <figure>
          <figcaption className="text-xs text-muted">{counted(keys.length, "row")} of the sample over {counted(bars.length, "shard")}</figcaption>
          <ul className="mt-1 max-h-40 space-y-1 overflow-y-auto">
            {bars.map((bar) => (
              <li key={bar.id} className="flex items-center gap-2 text-xs">
                <span className="w-20 shrink-0 truncate font-mono text-muted" title={bar.id}>{bar.id.replace(/^shardId-0*(?=\d)/, "shard ")}</span>
                <span className="h-3 flex-1 rounded-sm bg-sunken"><span className="block h-full rounded-sm bg-info-fill" style={{ width: `${(bar.keys / most) * 100}%` }} /></span>
                <span className="figures w-8 text-right">{bar.keys}</span>
              </li>
            ))}
          </ul>
        </figure>
      )}
      {describe.data?.shards.problem && <p className="text-xs text-muted">The shards cannot be seen: {describe.data.shards.problem}</p>}
      {hot.length > 0 && (
        <Note tone="warn" title="Some keys are hot">
          {hot.map(({ key, share }) => `${key}: ${Math.round(share * 100)}%`).join(", ")} of the sample's rows. All records of a key go to one shard, which takes 1 MiB and 1,000 records a second.
        </Note>
      )}
    </div>
  );
}
