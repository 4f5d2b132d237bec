import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useGet, useGetVersioned, useWhole, W } from "@/api/hooks";
import { Link } from "@/app/links";
import { Page, Tabs } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { counted } from "@/lib/format";
import { leftBehind } from "@/lib/runs";
import { Id, Time } from "@/ui/bits";
import { Loaded } from "@/ui/states";

import { RunTable } from "./RunTable";
import { SyncActions } from "./SyncActions";
import { SyncEditor } from "./SyncEditor";
import { SyncPreview } from "./SyncPreview";
import { SyncQuestions } from "./SyncQuestions";
import { SyncRows } from "./SyncRows";

export default function Sync(): ReactElement {
  const { sync: id } = useParams({ from: "/w/$ws/syncs/$sync" });
  const sync = useGetVersioned(`${W}/syncs/{sync_id}`, { path: { sync_id: id } }, { refetchInterval: 10_000 });
  return <Loaded page of={sync}>{(found) => <Shown key={id} found={found} />}</Loaded>;
}

function Shown({ found }: { found: Versioned<Schemas["Sync"]> }): ReactElement {
  const sync = found.data;
  const places = usePlaces();
  const { tab = "runs", state } = useSearch({ from: "/w/$ws/syncs/$sync" });
  const tabs = [["runs", "Runs"], ["preview", "Preview"], ["rows", "A row"], ["configuration", "Configuration"]] as const;
  return (
    <Page title={sync.name} above={{ label: "Syncs", place: places.syncs() }} sentence={<Health sync={sync} />} actions={<SyncActions sync={sync} etag={found.etag} />}>
      <SyncQuestions sync={sync} />
      <Tabs label="Sync" value={tab} tabs={tabs.map(([each, label]) => ({ id: each, label, place: places.sync(sync.id, each === "runs" ? undefined : each) }))} />
      {tab === "runs" && <RunTable sync={sync.id} state={state} />}
      {tab === "preview" && <SyncPreview sync={sync} />}
      {tab === "rows" && <SyncRows sync={sync} />}
      {tab === "configuration" && <SyncEditor found={found} />}
    </Page>
  );
}

/** Whether things are fine, in one sentence. */
function Health({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const places = usePlaces();
  const models = useWhole(`${W}/models`);
  const destinations = useWhole(`${W}/destinations`);
  const run = useGet(`${W}/runs/{run_id}`, { path: { run_id: sync.newest_run?.id ?? "" } }, { enabled: sync.newest_run !== null, refetchInterval: 5_000 });
  const newest = run.data?.id === sync.newest_run?.id ? run.data : undefined;
  const last = newest?.counts;
  const lines = {
    queued: "A run waits for a worker.",
    running: "A run is at work.",
    succeeded: last && leftBehind(last) > 0 ? "The last run left some rows behind; the next one tries them again." : "Healthy.",
    "needs-approval": "The last run asks a person first.",
    stopped: "The last run was stopped, because too much of it was rejected.",
    failed: `The last run failed${newest?.reason ? `: ${newest.reason.text}` : "."}`,
    cancelled: "The last run was cancelled; what was acknowledged is kept.",
  };
  return (
    <div className="space-y-1">
      <p>
        {sync.newest_run ? lines[sync.newest_run.state] : "It has not run yet."}{" "}
        {newest?.ended_at && last && <><Link {...places.run(newest.id)} className="underline">Last run</Link> <Time at={newest.ended_at} /> delivered {counted(last.delivered, "record")}. </>}
        {sync.paused ? "It is paused." : sync.next_fire_at ? <>Next <Time at={sync.next_fire_at} />.</> : "It runs by hand."}
      </p>
      <p className="flex flex-wrap items-center gap-x-4 text-xs">
        <span>into <code className="font-mono text-ink">{sync.stream}</code></span>
        <span>of <Link {...places.destination(sync.destination)} className="underline">{destinations.data?.find((each) => each.id === sync.destination)?.name ?? "its destination"}</Link></span>
        <span>from <Link {...places.model(sync.model)} className="underline">{models.data?.find((each) => each.id === sync.model)?.name ?? "its model"}</Link></span>
        <Link {...places.timeline(sync.id)} className="underline">Find a row</Link>
        <Id value={sync.id} />
      </p>
    </div>
  );
}
