import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
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
  return (
    <Table
      label="Syncs"
      rows={syncs}
      rowKey={(sync) => sync.id}
      columns={[
        { name: "Name", cell: (sync) => <span className="flex flex-wrap items-center gap-2"><Link {...places.sync(sync.id)} data-row className={ROW_LINK}>{sync.name}</Link>{obstacle(sync) && <Chip>{obstacle(sync)}</Chip>}</span> },
        { name: "Newest run", cell: (sync) => sync.newest_run ? <Link {...places.run(sync.newest_run.id)} className={`${ABOVE_ROW} hover:underline`}><Status tone={toneOf({ state: sync.newest_run.state, counts: null })}>{stateText({ state: sync.newest_run.state, counts: null })}</Status></Link> : <Status tone="quiet">not run yet</Status> },
        { name: "Runs", wide: true, cell: (sync) => <RunStrip sync={sync.id} /> },
        { name: "Stream", wide: true, cell: (sync) => <span className="font-mono text-xs">{sync.stream}</span> },
        { name: "Next", right: true, cell: (sync) => sync.next_fire_at ? <Time at={sync.next_fire_at} /> : <span className="whitespace-nowrap text-faint">by hand</span> },
      ]}
    />
  );
}
