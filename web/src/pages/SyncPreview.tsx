import { Eye, Play } from "lucide-react";
import type { ReactElement } from "react";
import { useEffect, useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import type { PreviewRecord, RunPreview } from "@/api/jobs";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useRefusal } from "@/app/workspace";
import { bytes, counted, keyText, number } from "@/lib/format";
import { changedColumns } from "@/lib/plan";
import { dollars } from "@/log/report";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Check, Input, Segments } from "@/ui/Field";
import { Empty, Note, ProblemNote, Skeleton } from "@/ui/states";
import { Table } from "@/ui/Table";
import { failed } from "@/ui/toast";

import { PlanDiff } from "./PlanDiff";
import { RecordFacts, useShards, useSyncPreview } from "./RecordPreview";
import { SendRow } from "./SyncRows";

/** What the next run would do, as a plan, and a button to do it. */
export function SyncPreview({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const preview = useSyncPreview();
  const [full, setFull] = useState(false);
  const refused = useRefusal("editor");
  const places = usePlaces();
  const navigate = useNavigate();
  const run = useChange("post", `${W}/syncs/{sync_id}/runs`, [`${W}/syncs`, `${W}/runs`]);
  const ask = preview.mutate;
  useEffect(() => {
    if (!refused) ask({ path: { sync_id: sync.id }, body: { records: 100, full_resync: full } });
  }, [ask, sync.id, full, refused]);
  const start = () => run.mutate({ path: { sync_id: sync.id }, body: { kind: full ? "full-resync" : "normal" } }, { onSuccess: (made) => void navigate(places.run(made.run.id)), onError: failed });
  if (refused) return <Note>{refused} A preview runs the model's query.</Note>;
  return (
    <div className="space-y-5">
      <div className="flex flex-wrap items-center gap-3">
        <Button icon={<Eye className="size-4" aria-hidden />} busy={preview.isPending} onClick={() => ask({ path: { sync_id: sync.id }, body: { records: 100, full_resync: full } })}>Look again</Button>
        <Check label="Of a full resync" checked={full} onChange={(event) => setFull(event.target.checked)} />
        {preview.data && preview.data.records_total > 0 && (
          <Button kind="primary" needs="editor" busy={run.isPending} icon={<Play className="size-4" aria-hidden />} refusal={sync.paused && "It is paused: resume it first"} onClick={start} className="ml-auto">Send {counted(preview.data.records_total, "record")}</Button>
        )}
      </div>
      {preview.error && <ProblemNote error={preview.error} />}
      {preview.isPending && <><p className="text-muted">The model is read and compared with what the stream has acknowledged. Nothing is sent.</p><Skeleton rows={6} /></>}
      {preview.data && !preview.isPending && <Plan sync={sync} plan={preview.data} />}
    </div>
  );
}

function Plan({ sync, plan }: { sync: Schemas["Sync"]; plan: RunPreview }): ReactElement {
  const { counts } = plan;
  return (
    <div className="space-y-5">
      {plan.questions.map((question) => <Note key={question} tone="warn" title="The run would ask first, and send nothing">{question}</Note>)}
      <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-4 lg:grid-cols-7">
        <Sum name="Added" sign="+" value={counts.added} className="text-good" />
        <Sum name="Changed" sign="~" value={counts.changed} className="text-warn" />
        <Sum name="Sent again" sign="↻" value={counts.repeated} />
        <Sum name="Removed" sign="−" value={counts.removed} className="text-bad" />
        <Sum name="Invalid" sign="!" value={counts.invalid} className="text-bad" />
        <Sum name="Unchanged" value={counts.unchanged} />
        <Sum name="To send" value={plan.records_total} note={bytes(plan.bytes_total)} wide />
      </dl>
      {plan.cost && plan.records_total > 0 && (
        <p className="text-xs text-muted">
          AWS would ask about {dollars(plan.cost.provisioned)} for these records in a provisioned stream, {dollars(plan.cost.on_demand_standard)} on demand, {dollars(plan.cost.on_demand_advantage)} on demand advantage; shard and stream hours not counted. Prices of {plan.cost.prices.as_of}.
        </p>
      )}
      {plan.rejections.length > 0 && (
        <Note tone="warn" title={`${counted(counts.rejected, "row")} cannot be sent as they are`}>
          <ul>{Object.entries(plan.rejected_by_code).map(([code, count]) => <li key={code}><code className="font-mono">{code}</code>: {number(count)}</li>)}</ul>
          <ul className="mt-1 max-h-40 overflow-y-auto">{plan.rejections.slice(0, 20).map((rejection) => <li key={JSON.stringify(rejection.key)}><span className="font-mono">{keyText(rejection.key)}</span>: {rejection.message}</li>)}</ul>
        </Note>
      )}
      <Records sync={sync} plan={plan} />
    </div>
  );
}

function Sum({ name, sign, value, note, className, wide }: { name: string; sign?: string; value: number; note?: string; className?: string; wide?: boolean }): ReactElement {
  return (
    <div className={cx("bg-surface px-3 py-2", wide && "max-lg:col-span-2")}>
      <dt className="text-xs text-muted">{name}</dt>
      <dd className={cx("figures text-lg font-semibold", value > 0 && className)}>{value > 0 ? sign : ""}{number(value)}{note && <span className="ml-2 text-xs font-normal text-muted">{note}</span>}</dd>
    </div>
  );
}

function Records({ sync, plan }: { sync: Schemas["Sync"]; plan: RunPreview }): ReactElement {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [op, setOp] = useState<"any" | Schemas["Change"]>("any");
  const shards = useShards(sync.destination, sync.stream);
  if (plan.records.length === 0) return plan.questions.length > 0 ? <></> : <Empty title="Nothing would be sent">Every row is as the stream has acknowledged it.</Empty>;
  const wanted = text.toLowerCase();
  const ops = (["added", "changed", "removed"] as const).map((each) => ({ op: each, count: plan.records.filter((record) => record.op === each).length })).filter(({ count }) => count > 0);
  const found = plan.records.map((record, at) => ({ record, at })).filter(({ record }) => (op === "any" || record.op === op) && (wanted === "" || `${keyText(record.key)} ${record.data} ${record.op}`.toLowerCase().includes(wanted)));
  const record = plan.records[chosen];
  return (
    <div className="grid gap-5 lg:grid-cols-2">
      <div className="min-w-0 space-y-2">
        <div className="flex flex-wrap items-center gap-3">
          <Input type="search" aria-label="Search the records" placeholder="Search key or message" value={text} onChange={(event) => setText(event.target.value)} className="max-w-56" />
          {ops.length > 1 && <Segments label="Change" value={op} onChange={setOp} choices={[{ value: "any" as const, label: "All" }, ...ops.map(({ op: each, count }) => ({ value: each, label: `${each} ${count}` }))]} />}
          <span className="text-xs text-muted">{plan.records_total > plan.records.length ? `The first ${plan.records.length} of ${number(plan.records_total)}` : counted(plan.records_total, "record")}</span>
        </div>
        <div className="max-h-[32rem] overflow-y-auto">
          <Table
            label="Records"
            rows={found}
            rowKey={({ at }) => String(at)}
            empty={<Empty title="No record holds this" />}
            columns={[
              { name: "Change", cell: ({ record: each }) => <Chip className={each.op === "added" ? "text-good" : each.op === "removed" ? "text-bad" : "text-warn"}>{each.op}</Chip> },
              { name: "Key", cell: ({ record: each, at }) => <button type="button" aria-pressed={at === chosen} onClick={() => setChosen(at)} className="font-mono text-xs font-medium after:absolute after:inset-0 aria-pressed:text-accent">{keyText(each.key)}</button> },
              { name: "Columns", wide: true, cell: ({ record: each }) => <Changed of={each} /> },
              { name: "Bytes", right: true, cell: ({ record: each }) => number(each.bytes) },
            ]}
          />
        </div>
      </div>
      {record && (
        <div className="min-w-0 space-y-2 lg:sticky lg:top-6 lg:self-start">
          <div className="flex items-center justify-between gap-2">
            <p className="min-w-0 truncate text-[13px] font-medium">Record of {keyText(record.key)}</p>
            {record.op !== "removed" && <SendRow small sync={sync} row={record.key} />}
          </div>
          <PlanDiff key={chosen} record={record} />
          <RecordFacts record={record} shards={shards} limit={sync.limits.record_bytes ?? 1 << 20} />
          <p className="text-xs text-muted">Stand-ins, which only a run knows: {plan.stand_ins.join(", ")}.</p>
        </div>
      )}
    </div>
  );
}

/** The columns that change, as far as there is room. */
function Changed({ of }: { of: PreviewRecord }): ReactElement {
  const names = changedColumns(of);
  const text = names?.join(", ") ?? (of.op === "changed" ? "not known" : "all");
  return <span className="block max-w-40 truncate font-mono text-xs text-muted" title={text}>{text}</span>;
}
