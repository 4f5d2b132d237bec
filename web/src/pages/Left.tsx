import { useSearch } from "@tanstack/react-router";
import { Download } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { usePages, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useWorkspaceId } from "@/app/workspace";
import { adviceFor } from "@/lib/causes";
import { keyText, number } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Chip, Section, Time } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Input } from "@/ui/Field";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";
import { Table } from "@/ui/Table";

import { RejectedRows } from "./SendAgain";

type Kind = "rejections" | "invalid-rows";
type Rejection = Schemas["Rejection"];

/** What a run left behind, grouped by cause: what it means, how many, and what to do. */
export function Left({ run, kind }: { run: Schemas["RunDetails"]; kind: Kind }): ReactElement {
  const places = usePlaces();
  const { code } = useSearch({ from: "/w/$ws/runs/$run" });
  const tab = kind === "rejections" ? "rejections" : "invalid";
  const tallies = Object.entries(kind === "rejections" ? run.tallies.rejections : run.tallies.invalid_rows).sort(([, one], [, other]) => other - one);
  const total = tallies.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) {
    return kind === "rejections" ? <Empty title="Nothing was rejected">Every record that was put has been acknowledged, or the run has not come that far yet.</Empty> : <Empty title="No row is invalid">Every row has a key, and no two the same one.</Empty>;
  }
  return (
    <div className="space-y-6">
      <ul className="grid gap-2 lg:grid-cols-2">
        {tallies.map(([cause, count]) => {
          const chosen = code === cause;
          return (
            <li key={cause} className={cx("relative rounded-md border border-line bg-surface px-3 py-2.5 hover:bg-hover", chosen && "border-accent bg-accent-soft")}>
              <p className="flex items-baseline justify-between gap-3">
                <Link {...places.run(run.id, { tab, ...(chosen ? {} : { code: cause }) })} aria-current={chosen ? "true" : undefined} className="font-medium after:absolute after:inset-0">{cause.replaceAll("-", " ")}</Link>
                <span className="figures">{number(count)}</span>
              </p>
              <p className="text-xs text-muted">{adviceFor(cause)}</p>
            </li>
          );
        })}
      </ul>
      {kind === "rejections" ? <Rejections run={run} /> : <InvalidRows run={run} />}
    </div>
  );
}

function useFilters(run: string, tab: string) {
  const { code, q } = useSearch({ from: "/w/$ws/runs/$run" });
  const places = usePlaces();
  const navigate = useNavigate();
  const search = (text: string) => void navigate({ ...places.run(run, { tab, ...(code ? { code } : {}), ...(text ? { q: text } : {}) }), replace: true });
  return { query: { ...(code ? { code } : {}), ...(q ? { q } : {}) }, q: q ?? "", search };
}

function Rejections({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const filters = useFilters(run.id, "rejections");
  const list = usePages(`${W}/runs/{run_id}/rejections`, { path: { run_id: run.id }, query: filters.query });
  const [picked, setPicked] = useState<string[]>([]);
  const { code } = useSearch({ from: "/w/$ws/runs/$run" });
  const idOf = (rejection: Rejection) => JSON.stringify(rejection.key);
  const keys = list.items.filter((item) => picked.includes(idOf(item))).map((item) => item.key);
  return (
    <Section title="Rows" about="The next run tries each of them again, with the values that they have then." actions={<Tools run={run.id} kind="rejections" filters={filters} />}>
      {list.items.length > 0 && <RejectedRows run={run} keys={keys} code={code} onDone={() => setPicked([])} />}
      <Pages list={list}>
        <Table
          label="Rejections"
          rows={list.items}
          rowKey={idOf}
          empty={<Empty title="No rejection fits the filters" />}
          columns={[
            { name: <span className="sr-only">Choose</span>, className: "w-8", cell: (item) => <input type="checkbox" aria-label={`Choose ${keyText(item.key)}`} checked={picked.includes(idOf(item))} onChange={(event) => setPicked(event.target.checked ? [...picked, idOf(item)] : picked.filter((each) => each !== idOf(item)))} className="size-4 accent-accent" /> },
            { name: "Key", cell: (item) => <span className="inline-block min-w-12 font-mono text-xs break-all">{keyText(item.key)}</span> },
            { name: "Change", wide: true, cell: (item) => <Chip>{item.op}</Chip> },
            { name: "Why", className: "max-w-3xl", cell: (item) => item.message },
            { name: "Tries", right: true, cell: (item) => number(item.tries) },
            { name: "Since", wide: true, right: true, cell: (item) => <Time at={item.first_seen_at} /> },
          ]}
        />
      </Pages>
    </Section>
  );
}

function InvalidRows({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const filters = useFilters(run.id, "invalid");
  const list = usePages(`${W}/runs/{run_id}/invalid-rows`, { path: { run_id: run.id }, query: filters.query });
  return (
    <Section title="Rows" about="Never sent; what was acknowledged of their keys stays." actions={<Tools run={run.id} kind="invalid-rows" filters={filters} />}>
      <Pages list={list}>
        <Table
          label="Invalid rows"
          rows={list.items}
          rowKey={(item) => JSON.stringify(item)}
          empty={<Empty title="No invalid row fits the filters" />}
          columns={[
            { name: "Key", cell: (item) => <span className="font-mono text-xs break-all">{keyText(item.key)}</span> },
            { name: "Why", cell: (item) => item.message },
          ]}
        />
      </Pages>
    </Section>
  );
}

function Tools({ run, kind, filters }: { run: string; kind: Kind; filters: ReturnType<typeof useFilters> }): ReactElement {
  const ws = useWorkspaceId();
  const [text, setText] = useState(filters.q);
  const submit = (event: FormEvent) => (event.preventDefault(), filters.search(text.trim()));
  return (
    <>
      <form onSubmit={submit} role="search"><Input type="search" aria-label="Search by key or reason" placeholder="Key or reason, then Enter" value={text} onChange={(event) => setText(event.target.value)} className="w-64 max-w-full" /></form>
      <a href={`/v1/workspaces/${ws}/runs/${run}/${kind}/export`} download={`${kind}-${run}.ndjson`} className="inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-3 text-[13px] font-medium hover:bg-hover"><Download className="size-4" aria-hidden />Export all</a>
    </>
  );
}

interface List {
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  refetch: () => unknown;
  fetchNextPage: () => unknown;
}

function Pages({ list, children }: { list: List; children: ReactElement }): ReactElement {
  if (list.error) return <ProblemNote error={list.error} onRetry={() => list.refetch()} />;
  if (list.isPending) return <Skeleton rows={5} />;
  return (
    <>
      {children}
      {list.hasNextPage && <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>Show more</Button>}
    </>
  );
}
