import type { ReactElement } from "react";
import { useRef } from "react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";

import type { Schemas } from "@/api/client";
import { usePages, useWhole, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useWorkspaceId } from "@/app/workspace";
import { duration, number } from "@/lib/format";
import { hasEnded, requesterText, stateText, toneOf } from "@/lib/runs";
import { Button, LinkButton } from "@/ui/Button";
import { Status, Time } from "@/ui/bits";
import { Field, Select } from "@/ui/Field";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";
import { cx } from "@/ui/cx";
import { ROW_LINK } from "@/ui/Table";

import { AccountingBar } from "./Accounting";

const STATES: Schemas["RunState"][] = ["queued", "running", "succeeded", "needs-approval", "stopped", "failed", "cancelled"];
const GRID = "grid grid-cols-[8.25rem_minmax(0,1fr)_4.75rem] items-center gap-3 px-3 md:grid-cols-[9.5rem_minmax(0,1fr)_10rem_6rem_6rem_6rem_7rem]";

/** Runs of one sync, or of all. Only the rows that are seen are there, so that long lists stay quick. */
export function RunTable({ sync, state }: { sync?: string; state?: string | undefined }): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const ws = useWorkspaceId();
  const wanted = STATES.find((each) => each === state);
  const query = wanted ? { state: wanted } : {};
  const extra = { refetchInterval: 5_000 };
  const all = usePages(`${W}/runs`, { query }, { ...extra, enabled: sync === undefined });
  const own = usePages(`${W}/syncs/{sync_id}/runs`, { path: { sync_id: sync ?? "" }, query }, { ...extra, enabled: sync !== undefined });
  const runs = sync === undefined ? all : own;
  const syncs = useWhole(`${W}/syncs`);
  const choose = (next: string) => {
    const search = next ? { state: next } : {};
    void navigate(sync ? { to: "/w/$ws/syncs/$sync", params: { ws, sync }, search } : places.runs(search));
  };
  return (
    <div className="space-y-3">
      <Field label="State" className="w-44">
        <Select value={wanted ?? ""} onChange={(event) => choose(event.target.value)}>
          <option value="">all</option>
          {STATES.map((each) => <option key={each} value={each}>{each.replace("-", " ")}</option>)}
        </Select>
      </Field>
      {runs.error && <ProblemNote error={runs.error} onRetry={() => void runs.refetch()} />}
      {runs.isPending ? <Skeleton rows={8} /> : runs.items.length === 0 ? (
        <None wanted={wanted} sync={sync} />
      ) : (
        <Rows runs={runs.items} name={sync ? undefined : (id) => syncs.data?.find((each) => each.id === id)?.name ?? "a sync"} />
      )}
      {runs.hasNextPage && <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>Show older runs</Button>}
    </div>
  );
}

function None({ wanted, sync }: { wanted: string | undefined; sync: string | undefined }): ReactElement {
  const places = usePlaces();
  if (wanted) return <Empty title={`No run is ${wanted.replace("-", " ")}`} action={<LinkButton {...(sync ? places.sync(sync) : places.runs())}>Show all runs</LinkButton>} />;
  if (sync) return <Empty title="Nothing has run yet" action={<LinkButton {...places.sync(sync, "preview")}>See what a run would send</LinkButton>}>Each run is listed here, with what became of each row.</Empty>;
  return <Empty title="Nothing has run yet" action={<LinkButton {...places.syncs()}>Go to the syncs</LinkButton>}>Runs of all syncs are listed here, by schedule or by hand.</Empty>;
}

function Rows({ runs, name }: { runs: Schemas["Run"][]; name: ((sync: string) => string) | undefined }): ReactElement {
  const places = usePlaces();
  const list = useRef<HTMLDivElement>(null);
  const rows = useWindowVirtualizer({ count: runs.length, estimateSize: () => 37, overscan: 20, scrollMargin: list.current?.offsetTop ?? 0 });
  return (
    <div role="table" aria-label="Runs" aria-rowcount={runs.length} className="rounded-lg border border-line bg-surface text-[13px]">
      <div role="row" className={`${GRID} h-8 border-b border-line text-xs font-medium text-muted`}>
        <span role="columnheader">State</span><span role="columnheader" className={name ? undefined : "max-md:hidden"}>{name ? "Sync" : "Kind"}</span>
        <span role="columnheader" className="max-md:hidden">What became of it</span>
        <span role="columnheader" className="text-right max-md:hidden">Read</span><span role="columnheader" className={cx("text-right", name && "max-md:hidden")}>Delivered</span><span role="columnheader" className="text-right max-md:hidden">Took</span>
        <span role="columnheader" className="text-right">When</span>
      </div>
      <div ref={list} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((item) => {
          const run = runs[item.index];
          if (!run) return null;
          const took = run.started_at ? new Date(run.ended_at ?? Date.now()).getTime() - new Date(run.started_at).getTime() : undefined;
          return (
            <div key={run.id} role="row" aria-rowindex={item.index + 1} className={`${GRID} absolute inset-x-0 border-b border-line hover:bg-hover`} style={{ height: item.size, top: item.start - rows.options.scrollMargin }}>
              <span role="cell"><Link {...places.run(run.id)} data-row className={ROW_LINK}><Status tone={toneOf(run)}>{stateText(run)}</Status></Link></span>
              <span role="cell" title={name?.(run.sync)} className={cx("truncate", !name && "max-md:hidden")}>{name && <>{name(run.sync)} </>}<span className="text-muted max-md:hidden">{run.kind === "normal" ? (name ? "" : "normal, ") : `${run.kind}, `}{requesterText(run.requested_by)}</span></span>
              <span role="cell" className="max-md:hidden">{run.counts && <AccountingBar counts={run.counts} ended={hasEnded(run.state)} />}</span>
              <span role="cell" className="figures text-right max-md:hidden">{run.counts ? number(run.counts.queried) : ""}</span>
              <span role="cell" className={cx("figures text-right", name && "max-md:hidden")}>{run.counts ? number(run.counts.delivered) : ""}</span>
              <span role="cell" className="figures text-right text-muted max-md:hidden">{took === undefined ? "" : duration(took)}</span>
              <span role="cell" className="text-right"><Time at={run.started_at ?? run.created_at} /></span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
