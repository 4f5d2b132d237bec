import type { ReactElement } from "react";
import { useState } from "react";

import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { bytes, number } from "@/lib/format";
import type { ShardHeat } from "@/log/report";
import { shardNumber } from "@/log/report";
import { Button } from "@/ui/Button";
import { cx } from "@/ui/cx";
import { Table } from "@/ui/Table";

const ROWS = 16;

/** All shards at a glance, and the hottest with figures. */
export function HeatStrip({ run, shards }: { run: string; shards: ShardHeat[] }): ReactElement {
  const places = usePlaces();
  const [whole, setWhole] = useState(false);
  const hottest = [...shards].sort((one, other) => other.throttled - one.throttled || other.bytes - one.bytes);
  return (
    <div className="space-y-3">
      <ul aria-label="Load of the shards" className="flex flex-wrap gap-1">
        {shards.map((shard) => (
          <li key={shard.shard}>
            <Link
              {...places.run(run, { tab: "rows", shard: shard.shard })}
              aria-label={`Shard ${shardNumber(shard.shard)}: ${number(shard.records)} records, ${bytes(shard.bytes)}${shard.throttled > 0 ? `, ${number(shard.throttled)} refused` : ""}`}
              title={`${shard.shard}: ${number(shard.records)} records, ${bytes(shard.bytes)}${shard.throttled > 0 ? `, ${number(shard.throttled)} refused` : ""}`}
              className={cx("relative flex h-7 min-w-7 items-center justify-center overflow-hidden rounded-sm border bg-sunken px-1 text-[11px]", shard.throttled > 0 ? "border-2 border-bad-fill" : "border-line")}
            >
              <span aria-hidden className="absolute inset-x-0 bottom-0 bg-info-fill opacity-35" style={{ height: `${Math.round(shard.heat * 100)}%` }} />
              <span className="figures relative">{shardNumber(shard.shard)}</span>
            </Link>
          </li>
        ))}
      </ul>
      <Table
        label="Shards"
        rows={whole ? hottest : hottest.slice(0, ROWS)}
        rowKey={(shard) => shard.shard}
        columns={[
          { name: "Shard", cell: (shard) => <Link {...places.run(run, { tab: "rows", shard: shard.shard })} className="font-mono text-xs underline">{shard.shard}</Link> },
          { name: "Records", right: true, cell: (shard) => number(shard.records) },
          { name: "Size", right: true, cell: (shard) => bytes(shard.bytes) },
          { name: "Refused", right: true, cell: (shard) => (shard.throttled > 0 ? <Link {...places.run(run, { tab: "calls", shard: shard.shard, failed: "only" })} className="text-bad underline">{number(shard.throttled)}</Link> : <span className="text-faint">0</span>) },
        ]}
      />
      {!whole && hottest.length > ROWS && <Button small onClick={() => setWhole(true)}>Show all {number(hottest.length)} shards</Button>}
    </div>
  );
}
