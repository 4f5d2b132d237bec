import { useParams, useSearch } from "@tanstack/react-router";
import { CircleStop, RefreshCw } from "lucide-react";
import type { ReactElement } from "react";
import { useMemo, useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { Page, Tabs } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { useWorkspaceId } from "@/app/workspace";
import { duration, number } from "@/lib/format";
import type { Sample } from "@/log/live";
import { liveRates } from "@/log/live";
import { useLog } from "@/log/read";
import { phaseSpans, phaseTimes, rates } from "@/log/report";
import type { RunReport } from "@/log/shapes";
import { hasEnded, leftBehind, requesterText, stateText, toneOf } from "@/lib/runs";
import type { Progress } from "@/lib/useRunStream";
import { useRunStream } from "@/lib/useRunStream";
import { Button } from "@/ui/Button";
import { Fact, Facts, Id, Section, Status, Time } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Loaded, Note } from "@/ui/states";
import { failed } from "@/ui/toast";

import { Accounting } from "./Accounting";
import { ApprovalNote } from "./ApprovalNote";
import { Throughput } from "./log/Throughput";
import { Phases } from "./Phases";
import { RUN_TABS } from "./runTabs";
import { SendRunAgain } from "./SendAgain";

export default function Run(): ReactElement {
  const { run: id } = useParams({ from: "/w/$ws/runs/$run" });
  const run = useGet(`${W}/runs/{run_id}`, { path: { run_id: id } }, { staleTime: 1_000 });
  const found = run.data?.id === id ? run.data : undefined;
  return <Loaded page of={{ ...run, data: found }}>{(data) => <Shown key={id} run={data} />}</Loaded>;
}

function Shown({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const workspace = useWorkspaceId();
  const { tab = "overview" } = useSearch({ from: "/w/$ws/runs/$run" });
  const ended = hasEnded(run.state);
  const { progress, connected, samples } = useRunStream(workspace, run.id, !ended);
  const sync = useGet(`${W}/syncs/{sync_id}`, { path: { sync_id: run.sync } });
  const cancel = useChange("post", `${W}/runs/{run_id}/cancel`, [`${W}/runs`, `${W}/runs/{run_id}`]);
  const again = useChange("post", `${W}/syncs/{sync_id}/runs`, [`${W}/syncs`, `${W}/runs`]);
  const [stopping, setStopping] = useState(false);
  // How long it took and how fast it was; the page does not wait for it.
  const looked = useLog<RunReport>(`${W}/runs/{run_id}/report`, { path: { run_id: run.id } }, { enabled: ended && tab === "overview" });
  const report = looked.data?.report;
  const points = report?.throughput;
  const parts = useMemo(() => rates(points ?? []), [points]);
  const counts = ended ? run.counts : (progress?.counts ?? run.counts);
  const name = sync.data?.name ?? "Sync";
  const others = RUN_TABS.map(({ id, label, count }) => ({ id, label: count?.(run) ? `${label} ${number(count(run))}` : label, place: places.run(run.id, { tab: id }) }));
  const Body = RUN_TABS.find(({ id }) => id === tab)?.body;
  return (
    <Page
      title={`Run of ${name}`}
      above={{ label: name, place: places.sync(run.sync) }}
      sentence={<Sentence run={run} connected={connected} />}
      actions={
        ended ? (
          <>
            <SendRunAgain run={run} />
            <Button needs="editor" icon={<RefreshCw className="size-4" aria-hidden />} busy={again.isPending} onClick={() => again.mutate({ path: { sync_id: run.sync }, body: { kind: "normal" } }, { onSuccess: (made) => void navigate(places.run(made.run.id)), onError: failed })}>
              {run.state !== "needs-approval" && run.counts && leftBehind(run.counts) > 0 ? "Run again: try what was left" : "Run again"}
            </Button>
          </>
        ) : (
          <Button kind="danger" needs="editor" icon={<CircleStop className="size-4" aria-hidden />} refusal={run.cancel_requested_at !== null && "It is being cancelled"} onClick={() => setStopping(true)}>{run.cancel_requested_at ? "Cancelling …" : "Cancel"}</Button>
        )
      }
    >
      <Tabs label="Run" value={Body ? tab : "overview"} tabs={[{ id: "overview", label: "Overview", place: places.run(run.id) }, ...others]} />
      {Body ? <Body run={run} /> : (
        <div className="space-y-6">
          {run.reason && run.state !== "succeeded" && run.state !== "needs-approval" && <Note tone={run.state === "failed" || run.state === "stopped" ? "bad" : "warn"} title={WHY[run.state] ?? "Why"}>{run.reason.text} <code className="font-mono text-xs text-muted">{run.reason.code}</code></Note>}
          {run.state === "needs-approval" && <Approvals run={run} />}
          <Phases run={run} progress={progress} times={phaseTimes(phaseSpans(report ?? null))} />
          {counts && <Accounting counts={counts} final={ended} places={{ rejections: places.run(run.id, { tab: "rejections" }), invalid: places.run(run.id, { tab: "invalid" }) }} />}
          {counts && <Others counts={counts} progress={progress ?? (run.progress as unknown as Progress | null)} />}
          {points && parts.length > 0 ? (
            <Section title="Throughput" about={<>Shards, hot keys and cost are in the <Link {...places.run(run.id, { tab: "report" })} className="underline">report</Link>.</>}><Throughput start={points[0]?.at ?? 0} parts={parts} /></Section>
          ) : samples.length > 1 && <LiveThroughput samples={samples} />}
          <About run={run} />
        </div>
      )}
      <Confirm open={stopping} onClose={() => setStopping(false)} title="Cancel this run?" action="Cancel the run" danger onConfirm={() => cancel.mutateAsync({ path: { run_id: run.id } })}>
        It stops at the next checkpoint. What was acknowledged is kept, and the next run sends the rest.
      </Confirm>
    </Page>
  );
}

const WHY: Partial<Record<Schemas["RunState"], string>> = { failed: "Why it failed", stopped: "Why it was stopped", cancelled: "Why it ended early" };

function Sentence({ run, connected }: { run: Schemas["RunDetails"]; connected: boolean }): ReactElement {
  const took = run.started_at ? new Date(run.ended_at ?? Date.now()).getTime() - new Date(run.started_at).getTime() : undefined;
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Status tone={toneOf(run)} className="font-medium text-ink">{stateText(run)}</Status>
      <span>{run.kind === "normal" ? "Asked" : `${run.kind}, asked`} for by {requesterText(run.requested_by)}</span>
      {run.started_at ? <span>started <Time at={run.started_at} /></span> : <span>queued <Time at={run.created_at} /></span>}
      {run.ended_at && took !== undefined && <span>took {duration(took)}</span>}
      {!run.ended_at && connected && <span className="text-xs">live</span>}
    </p>
  );
}

function LiveThroughput({ samples }: { samples: Sample[] }): ReactElement {
  const parts = useMemo(() => liveRates(samples), [samples]);
  return (
    <Section title="Throughput" about="Since this page was opened.">
      <Throughput start={samples[0]?.at ?? 0} parts={parts} live />
    </Section>
  );
}

function Approvals({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const approvals = useGet(`${W}/syncs/{sync_id}/approvals`, { path: { sync_id: run.sync } }, { refetchInterval: 10_000 });
  return <>{approvals.data?.items.filter((approval) => approval.run === run.id).map((approval) => <ApprovalNote key={approval.id} approval={approval} />)}</>;
}

function Others({ counts, progress }: { counts: Schemas["Counts"]; progress: { calls?: number; throttled?: number } | undefined | null }): ReactElement {
  const items = [
    ["Removed", counts.removed, "Rows that were in the stream, and are gone from the model."],
    ["Not wanted", counts.not_wanted, "Acknowledged without sending, by the sync's triggers."],
    ["PutRecords calls", progress?.calls, ""],
    ["Throttled records", progress?.throttled, "At least once; they were tried again."],
  ] as const;
  return (
    <dl className="flex flex-wrap gap-x-10 gap-y-3">
      {items.filter(([, value]) => value !== undefined).map(([name, value, hint]) => (
        <div key={name} title={hint || undefined}>
          <dt className="text-xs text-muted">{name}</dt>
          <dd className="figures font-medium">{number(value ?? 0)}</dd>
        </div>
      ))}
    </dl>
  );
}

function About({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  return (
    <Section title="About this run">
      <Facts>
        <Fact name="Id"><Id value={run.id} /></Fact>
        {run.scheduled_for && <Fact name="Scheduled for"><Time at={run.scheduled_for} exact /></Fact>}
        <Fact name="Created"><Time at={run.created_at} exact /></Fact>
        {run.started_at && <Fact name="Started"><Time at={run.started_at} exact /></Fact>}
        {run.ended_at && <Fact name="Ended"><Time at={run.ended_at} exact /></Fact>}
        {run.sync_version !== null && <Fact name="Definition">version {run.sync_version}</Fact>}
        <Fact name="Attempts">
          {run.attempts.length === 0 ? "none yet" : (
            <ul>{run.attempts.map((attempt) => <li key={attempt.epoch}>{attempt.outcome ?? "at work"} by {attempt.worker}, epoch {attempt.epoch}, <Time at={attempt.started_at} /></li>)}</ul>
          )}
        </Fact>
      </Facts>
    </Section>
  );
}
