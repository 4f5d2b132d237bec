import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { useMemo, useState } from "react";

import type { Schemas } from "@/api/client";
import type { QueryResult } from "@/api/jobs";
import { useRefusal } from "@/app/workspace";
import { dollars, draftLines, marked } from "@/lib/draft";
import { bytes, counted, number, prettyJson, valueText } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { CopyButton, Fact, Facts, Id } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Segments, Select } from "@/ui/Field";
import { Empty, Note } from "@/ui/states";

import type { Shards } from "./RecordPreview";
import { Place } from "./RecordPreview";
import { SampleRow } from "./SampleRow";
import type { Draft } from "./useDraft";

interface Props {
  draft: Draft;
  sample: QueryResult;
  /** The columns of the primary key. */
  keys: string[];
  shards: Shards;
  limit: number;
  /** What can be done with the row that is shown. */
  children?: (key: Record<string, unknown>) => ReactNode;
}

/** The record that the form as it is now makes of a row of the sample, beside the form. Its parts keep their places while somebody types. */
export function DraftPreview({ draft, sample, keys, shards, limit, children }: Props): ReactElement {
  const refused = useRefusal("editor");
  if (sample.rows.length === 0) return <Empty title="The model has no rows at the moment">Its columns: {sample.columns.map((column) => column.name).join(", ")}. As soon as there is a row, its record is shown here.</Empty>;
  const key = Object.fromEntries(keys.map((name) => [name, sample.rows[draft.row]?.[sample.columns.findIndex((column) => column.name === name)]]));
  return (
    <div className="space-y-3">
      <h2 className="text-[15px] font-semibold">The record of a row</h2>
      {refused ? <Note>{refused}</Note> : (
        <>
          <Chooser draft={draft} sample={sample} keys={keys} />
          <Shown draft={draft} shards={shards} limit={limit} />
        </>
      )}
      {children?.(key)}
      <details>
        <summary className="text-[13px] text-muted">The row itself, column by column</summary>
        <div className="mt-2"><SampleRow sample={sample} keys={keys} at={draft.row} /></div>
      </details>
    </div>
  );
}

function Chooser({ draft, sample, keys }: { draft: Draft; sample: QueryResult; keys: string[] }): ReactElement {
  const { row, setRow, op, setOp, column, setColumn } = draft;
  const places = keys.map((name) => sample.columns.findIndex((each) => each.name === name)).filter((place) => place >= 0);
  const name = (at: number) => places.map((place) => valueText(sample.rows[at]?.[place])).join(", ") || `row ${at + 1}`;
  const names = useMemo(() => sample.rows.map((_, at) => name(at)), [sample, keys.join()]); // oxlint-disable-line react-hooks/exhaustive-deps
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <span className="flex items-center gap-1">
          <IconButton small label="Row before" refusal={row === 0 && "This is the first"} onClick={() => setRow(row - 1)}><ChevronLeft className="size-4" aria-hidden /></IconButton>
          <Select aria-label="Row of the sample, by its key" className="h-7 w-32 font-mono text-xs" value={String(row)} onChange={(event) => setRow(Number(event.target.value))}>
            {names.map((text, at) => <option key={at} value={at}>{text}</option>)}
          </Select>
          <IconButton small label="Next row" refusal={row >= sample.rows.length - 1 && "This is the last"} onClick={() => setRow(row + 1)}><ChevronRight className="size-4" aria-hidden /></IconButton>
        </span>
        <Segments label="What happened to the row" value={op} onChange={setOp} choices={[{ value: "added" as const, label: "added" }, { value: "changed" as const, label: "changed" }, { value: "removed" as const, label: "removed" }]} />
      </div>
      <div className="min-h-12 text-xs text-muted">
        {op === "changed" && (
          <span className="flex items-center gap-2">
            <span className="shrink-0">Changed:</span>
            <Select aria-label="Columns that changed" className="h-7 w-40 min-w-0 text-xs" value={column} onChange={(event) => setColumn(event.target.value)}>
              <option value="">all but the key</option>
              {sample.columns.filter((each) => !keys.includes(each.name)).map((each) => <option key={each.name}>{each.name}</option>)}
            </Select>
          </span>
        )}
        {op === "changed" && <p className="mt-0.5"><code className="font-mono">previous</code> is taken from row {names[(row + 1) % sample.rows.length]}: a sample has no past.</p>}
        {op === "added" && <span>{sample.cut ? `One of the first ${counted(sample.rows.length, "row")}` : `One of ${counted(sample.rows.length, "row")}`}, as read just now.</span>}
        {op === "removed" && <span>With the values that were acknowledged last, if they are kept.</span>}
      </div>
    </div>
  );
}

function Shown({ draft, shards, limit }: { draft: Draft; shards: Shards; limit: number }): ReactElement {
  const { answer, failed, faults, row, pending } = draft;
  const [at, setAt] = useState(0);
  const [view, setView] = useState<"pretty" | "raw">("pretty");
  const records = answer?.records ?? [];
  const record = records[Math.min(at, records.length - 1)];
  const lines = failed ? draftLines(faults.at, [], row) : draftLines({}, answer?.problems ?? [], row);
  const wrong = lines.length > 0 || faults.rest !== undefined;
  const others = answer && !failed ? answer.problems.filter((problem) => problem.row !== row).length : 0;
  return (
    <div className="space-y-2" aria-busy={pending}>
      <div className="flex h-7 items-center gap-2">
        <Segments label="Form of the message" value={view} onChange={setView} choices={[{ value: "pretty", label: "Pretty" }, { value: "raw", label: "As sent" }]} />
        {records.length > 1 && (
          <span className="flex items-center text-xs text-muted">
            <IconButton small label="Message before" refusal={at === 0 && "This is the first"} onClick={() => setAt(Math.min(at, records.length - 1) - 1)}><ChevronLeft className="size-4" aria-hidden /></IconButton>
            {Math.min(at, records.length - 1) + 1} of {number(answer?.records_total ?? records.length)}
            <IconButton small label="Next message" refusal={at >= records.length - 1 && "No more are shown"} onClick={() => setAt(at + 1)}><ChevronRight className="size-4" aria-hidden /></IconButton>
          </span>
        )}
        {pending && <span className="ml-auto animate-[appear_0s_0.4s_both] text-xs text-muted">Looking …</span>}
      </div>
      <div className="relative rounded-md border border-line bg-sunken">
        {record && <div className="absolute top-1 right-3 rounded bg-sunken"><CopyButton text={record.data} label="Copy the message" /></div>}
        <pre tabIndex={0} role="region" aria-label="Message as it would be sent" className={cx("h-72 overflow-auto p-3 pr-9 font-mono text-xs leading-[18px] break-all whitespace-pre-wrap transition-opacity", failed && "opacity-50")}>
          {record ? <Marked text={view === "pretty" ? prettyJson(record.data) : record.data} standIns={answer?.stand_ins ?? []} /> : <span className="font-sans text-muted">{nothing(draft)}</span>}
        </pre>
      </div>
      <div role="status" aria-label="What is wrong" className={cx("h-16 overflow-y-auto rounded-md px-3 py-2 text-xs break-words", wrong ? "bg-bad-soft" : "bg-sunken text-muted")}>
        {wrong ? (
          <>
            {failed && record && <p className="text-muted">Above is how it was before this:</p>}
            {lines.map((line) => <p key={line} className="text-bad">{line}</p>)}
            {faults.rest !== undefined && <p className="text-bad">{faults.rest} <button type="button" onClick={draft.again} className="underline">Try again</button></p>}
          </>
        ) : (
          <>
            {answer && answer.stand_ins.length > 0 && <p>Only a run knows {answer.stand_ins.map(({ name }, place) => <span key={name}>{place > 0 && ", "}<mark className="rounded bg-accent-soft px-0.5 font-mono text-ink">{name}</mark></span>)}: other values stand for them here. All else is byte for byte what would be sent.</p>}
            {answer && answer.stand_ins.length === 0 && <p>Byte for byte what would be sent.</p>}
            {others > 0 && <p className="text-warn">Of the first {counted(answer?.tried.rows ?? 0, "row")}, {counted(others, "row")} would not be sent: <button type="button" onClick={() => draft.setRow(answer?.problems.find((problem) => problem.row !== row)?.row ?? row)} className="underline">show one</button></p>}
          </>
        )}
      </div>
      <RecordLines record={record} answer={answer} shards={shards} limit={limit} dim={failed} />
    </div>
  );
}

function nothing({ answer, failed, pending, row }: Draft): string {
  if (failed) return "The record appears here as soon as what is written makes one.";
  if (!answer || pending) return "The record appears here.";
  if (answer.problems.some((problem) => problem.row === row)) return "This row would not be sent.";
  return "This row makes no message: its array is empty.";
}

function Marked({ text, standIns }: { text: string; standIns: Schemas["StandIn"][] }): ReactElement {
  return <>{marked(text, standIns).map((piece, at) => (piece.name ? <mark key={at} title={`${piece.name}: only a run knows it`} className="rounded bg-accent-soft text-inherit">{piece.text}</mark> : <span key={at}>{piece.text}</span>))}</>;
}

interface LinesProps {
  record: Schemas["DraftRecord"] | undefined;
  answer: Schemas["RenderedDraft"] | undefined;
  shards: Shards;
  limit: number;
  dim: boolean;
}

/** Always the same lines, so that nothing jumps. */
function RecordLines({ record, answer, shards, limit, dim }: LinesProps): ReactElement {
  const none = <span className="text-faint">none yet</span>;
  const cost = answer?.million_rows;
  return (
    <Facts className={cx("transition-opacity [&>dd]:min-h-6", dim && "opacity-50")}>
      <Fact name="Partition key">{record ? <Id value={record.partition_key} /> : none}</Fact>
      <Fact name="128-bit hash">{record?.hash_key ? <Id value={record.hash_key} /> : none}</Fact>
      <Fact name="Predicted shard">
        <span className="block min-h-9">{record?.shard ? <><span className="font-mono text-xs">{record.shard}</span>{shards && record.hash_key && <Place hash={record.hash_key} shards={shards.list} />}</> : <span className="text-faint">{record && !shards ? "once a stream is chosen whose shards are known" : "none yet"}</span>}</span>
      </Fact>
      <Fact name="Size">{record ? <>{number(record.bytes)} B <span className="text-muted">of {bytes(limit)} at most{answer?.average_bytes != null && answer.tried.records > 1 && `; ${number(Math.round(answer.average_bytes))} B on average of ${number(answer.tried.records)}`}</span></> : none}</Fact>
      <Fact name="A million rows">{cost ? <span title={`Prices of ${cost.prices.as_of}, us-east-1; shard hours are not in it.`}>{dollars(cost.provisioned)} provisioned, {dollars(cost.on_demand_standard)} on demand</span> : none}</Fact>
    </Facts>
  );
}
