import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { usePages, W } from "@/api/hooks";
import type { Place } from "@/app/links";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { stateText, toneOf } from "@/lib/runs";
import { Chip, Status, Time } from "@/ui/bits";
import { ABOVE_ROW, ROW_LINK, Table } from "@/ui/Table";

import { RunStrip } from "./RunStrip";

type Sync = Schemas["Sync"];

/** What keeps a sync from running by itself, in a word. */
export function obstacle(sync: Sync): string | undefined {
  if (sync.held) return "held after a restore";
  if (sync.question) return "has a question";
  return sync.paused ? "paused" : undefined;
}

export function SyncTable({ syncs }: { syncs: Sync[] }): ReactElement {
  const places = usePlaces();
  // The page above may have asked for the same, which is asked once then.
  const runs = usePages(`${W}/runs`, { query: { limit: 200 } }, { refetchInterval: 10_000 });
  const newest = (sync: Sync) => (sync.newest_run ? { state: sync.newest_run.state, counts: runs.items.find((run) => run.id === sync.newest_run?.id)?.counts ?? null } : undefined);
  return (
    <Table
      label="Syncs"
      rows={syncs}
      rowKey={(sync) => sync.id}
      columns={[
        { name: "Name", cell: (sync) => <span className="flex flex-wrap items-center gap-2"><Link {...places.sync(sync.id)} data-row className={ROW_LINK}>{sync.name}</Link>{obstacle(sync) && <Chip>{obstacle(sync)}</Chip>}</span> },
        { name: "Newest run", cell: (sync) => <Newest run={newest(sync)} place={sync.newest_run ? places.run(sync.newest_run.id) : undefined} /> },
        { name: "Runs", wide: true, cell: (sync) => <RunStrip sync={sync.id} /> },
        { name: "Stream", wide: true, cell: (sync) => <span className="font-mono text-xs">{sync.stream}</span> },
        { name: "Next", right: true, cell: (sync) => sync.next_fire_at ? <Time at={sync.next_fire_at} /> : <span className="whitespace-nowrap text-faint">by hand</span> },
      ]}
    />
  );
}

function Newest({ run, place }: { run: Pick<Schemas["Run"], "state" | "counts"> | undefined; place: Place | undefined }): ReactElement {
  if (!run || !place) return <Status tone="quiet">not run yet</Status>;
  return <Link {...place} className={`${ABOVE_ROW} hover:underline`}><Status tone={toneOf(run)}>{stateText(run)}</Status></Link>;
}
