import { ChevronRight } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { Editor } from "@/editor/Editor";
import { bytes, counted, localTime, number, prettyJson } from "@/lib/format";
import type { ColumnLine } from "@/log/columns";
import { changeText, columnLines } from "@/log/columns";
import type { Raw } from "@/log/exact";
import { rawKeyText, rawText } from "@/log/exact";
import type { Acknowledgement, LoggedRow, LoggedValues, PlaceInCall } from "@/log/shapes";
import { Chip, CodeBlock, CopyButton, Fact, Facts, Id, Status, Time } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Segments } from "@/ui/Field";
import { Note } from "@/ui/states";

import { Explanation } from "./Notes";
import { SequenceNumber, TONES } from "./words";

interface Props {
  row: LoggedRow;
  sync: { id: string };
  gotThrough?: Acknowledgement | null;
  /** Its values and its message are shown from the start. */
  open: boolean;
}

/** What happened to a row in one run. */
export function Entry({ row, sync, gotThrough, open }: Props): ReactElement {
  const places = usePlaces();
  const run = places.run(row.run);
  return (
    <article tabIndex={0} aria-label={`${row.outcome}, ${localTime(new Date(row.decided_at))}`} className="space-y-3 rounded-lg border border-line bg-surface p-4 max-sm:p-3">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Status tone={TONES[row.outcome]} className="font-medium">{row.outcome}</Status>
        {row.op && <Chip>{row.op}</Chip>}
        {row.element !== null && <span className="text-xs text-muted">element <code className="font-mono text-ink">{rawKeyText(row.element)}</code></span>}
        <span className="ml-auto flex items-center gap-3 text-xs text-muted"><Time at={row.decided_at} exact /><Link {...run} className="underline">its run</Link></span>
      </header>
      <p className="max-w-prose text-[13px] break-words">{row.explanation}</p>
      {row.outcome === "unanswered" && <Unknown row={row} />}
      {row.code !== null && <Explanation tone={row.outcome === "rejected" || row.outcome === "invalid" ? "bad" : "warn"} of={{ code: row.code, message: row.message ?? "", meaning: row.meaning, advice: row.advice }}><Tries row={row} /></Explanation>}
      {gotThrough && <GotThrough of={gotThrough} sync={sync.id} />}
      <Where row={row} />
      {row.values ? <Values values={row.values} open={open} op={row.op} /> : null}
    </article>
  );
}

function Unknown({ row }: { row: LoggedRow }): ReactElement {
  return (
    <Note tone="warn" title="Its position is unknown">
      A put of this record got no answer, so it may be in the stream or not, and AWS has no way to ask. It is put again with the same <code className="font-mono">event.id</code>{row.event_id && <> <code className="font-mono text-ink">{row.event_id}</code></>}: a consumer that finds this id twice has one change twice, and drops one.
    </Note>
  );
}

function Tries({ row }: { row: LoggedRow }): ReactElement | null {
  if (!row.first_seen_at || (row.times_tried ?? 1) < 2) return null;
  return <p className="mt-1">Rejected since <Time at={row.first_seen_at} exact />, in {counted(row.times_tried ?? 1, "run")}.</p>;
}

function GotThrough({ of, sync }: { of: Acknowledgement; sync: string }): ReactElement {
  const places = usePlaces();
  return (
    <Note tone="good" title={of.same_event ? "This version got through later" : "A newer version got through later"}>
      <Time at={of.at} exact />, in <Link {...places.run(of.run)} className="underline">another run of the sync</Link>
      {of.shard && of.sequence_number && <>, to <code className="font-mono text-xs">{of.shard}</code>, <Link {...places.log({ at: `${of.shard}:${of.sequence_number}` })} className="underline" data-sync={sync}>sequence number</Link> <SequenceNumber value={of.sequence_number} /></>}.
    </Note>
  );
}

function Where({ row }: { row: LoggedRow }): ReactElement | null {
  const places = usePlaces();
  const call = ({ call: at, position }: PlaceInCall) => <Link key={`${at} ${position}`} {...places.run(row.run, { tab: "calls", call: String(at) })} className="underline">call {number(at)}</Link>;
  const elsewhere = row.shard !== null && row.predicted_shard !== null && row.shard !== row.predicted_shard;
  if (row.partition_key === null && row.call === null) return null;
  return (
    <Facts>
      {row.shard && <Fact name="Shard"><code className="font-mono text-xs">{row.shard}</code>{elsewhere ? <span className="text-warn"> not {row.predicted_shard}, as predicted: the stream was resharded since its shards were listed</span> : row.predicted_shard && <span className="text-muted"> as predicted</span>}</Fact>}
      {!row.shard && row.predicted_shard && <Fact name="Predicted shard"><code className="font-mono text-xs">{row.predicted_shard}</code></Fact>}
      {row.sequence_number && <Fact name="Sequence number"><SequenceNumber value={row.sequence_number} /></Fact>}
      {row.outcome === "unanswered" && <Fact name="Sequence number"><span className="text-muted">unknown</span></Fact>}
      {row.partition_key !== null && <Fact name="Partition key"><Id value={row.partition_key} /></Fact>}
      {row.explicit_hash_key !== null && <Fact name="Explicit hash key"><code className="font-mono text-xs break-all">{row.explicit_hash_key}</code></Fact>}
      {row.hash !== null && row.explicit_hash_key === null && <Fact name="Hash"><code className="font-mono text-xs break-all" title="MD5 of the partition key, as a number: it chooses the shard">{row.hash}</code></Fact>}
      {row.call && <Fact name="Sent by">{call(row.call)}, at position {row.call.position}{row.earlier_calls.length > 0 && <span className="text-muted">; before that by {row.earlier_calls.map((each, at) => <span key={each.call}>{at > 0 && ", "}{call(each)}</span>)}</span>}</Fact>}
      {row.attempts > 1 && <Fact name="Puts">{number(row.attempts)} in this run</Fact>}
      {row.event_id && <Fact name="Event"><Id value={row.event_id} />{row.event_sequence !== null && <span className="text-muted"> sequence {row.event_sequence}</span>}</Fact>}
      {row.sub_sequence !== null && <Fact name="Aggregated record">message {row.sub_sequence} of it, counted from 0{row.aggregated_bytes !== null && <span className="text-muted">; {bytes(row.aggregated_bytes)} in all</span>}</Fact>}
      {row.record_bytes !== null && <Fact name="Size">{bytes(row.record_bytes)} with its key</Fact>}
    </Facts>
  );
}

function Values({ values, open, op }: { values: LoggedValues; open: boolean; op: LoggedRow["op"] }): ReactElement {
  const text = changeText(values);
  const none = text === "" && values.record === null;
  if (none) return <p className="text-xs text-muted">Its values and its message are not in the log: the sync's log setting leaves them out, or the row was never planned.</p>;
  return (
    <div className="space-y-2">
      {text && <Fold title={text} open={open}><Diff values={values} all={op !== "changed"} /></Fold>}
      {values.record !== null && <Fold title={`Message, ${bytes(new TextEncoder().encode(values.record).length)}`} open={open}><Message text={values.record} /></Fold>}
    </div>
  );
}

/** What is in it is made when it is opened first. */
function Fold({ title, open, children }: { title: string; open: boolean; children: ReactElement }): ReactElement {
  const [unfolded, setUnfolded] = useState(open);
  return (
    <details open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)} className="group/fold">
      <summary className="flex items-center gap-1 text-[13px] font-medium select-none [&::-webkit-details-marker]:hidden"><ChevronRight className="size-3.5 transition-transform group-open/fold:rotate-90" aria-hidden />{title}</summary>
      {unfolded && <div className="mt-2">{children}</div>}
    </details>
  );
}

function Message({ text }: { text: string }): ReactElement {
  const [view, setView] = useState<"pretty" | "raw">("pretty");
  return (
    <div className="space-y-2">
      <div className="flex items-center gap-2">
        <Segments label="Form of the message" value={view} onChange={setView} choices={[{ value: "pretty", label: "Pretty" }, { value: "raw", label: "As sent" }]} />
        <CopyButton text={text} label="Copy the message" />
      </div>
      {view === "raw" || text.length > 256 << 10 ? <CodeBlock text={text} label="The message as it was sent" wrap /> : <Editor label="The message" value={prettyJson(text)} language="json" minLines={2} />}
    </div>
  );
}

const FILLS: Record<ColumnLine["what"], string> = { same: "", changed: "bg-warn-soft", added: "bg-good-soft", removed: "bg-bad-soft" };

/** What was acknowledged and what was read, column by column. */
export function Diff({ values, all }: { values: LoggedValues; all: boolean }): ReactElement {
  const lines = columnLines(values);
  const same = lines.filter((line) => line.what === "same").length;
  const [whole, setWhole] = useState(all || same === lines.length);
  const shown = whole ? lines : lines.filter((line) => line.what !== "same");
  const both = values.previous !== null && values.row !== null;
  return (
    <div className="space-y-1">
      <div className="overflow-x-auto rounded-md border border-line">
        <table aria-label="Columns" className="w-full border-collapse text-xs">
          <thead>
            <tr className="h-7 border-b border-line text-left text-muted">
              <th scope="col" className="px-2 font-medium">Column</th>
              {values.previous !== null && <th scope="col" className="px-2 font-medium">{both ? "Before" : "Acknowledged last"}</th>}
              {values.row !== null && <th scope="col" className="px-2 font-medium">{both ? "After" : "As read"}</th>}
            </tr>
          </thead>
          <tbody className="font-mono">
            {shown.map((line) => (
              <tr key={line.column} className="border-b border-line align-top last:border-0">
                <th scope="row" className="px-2 py-1 text-left font-medium whitespace-nowrap">{line.column}{both && line.what !== "same" && <span className="sr-only"> {line.what}</span>}</th>
                {values.previous !== null && <td className={cx("max-w-96 px-2 py-1 break-all whitespace-pre-wrap", both && line.what !== "same" && line.what !== "added" && "bg-bad-soft")}><Cell value={line.before} /></td>}
                {values.row !== null && <td className={cx("max-w-96 px-2 py-1 break-all whitespace-pre-wrap", both && line.what !== "removed" && (line.what === "changed" ? "bg-good-soft" : FILLS[line.what]))}><Cell value={line.after} /></td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {both && same > 0 && same < lines.length && <button type="button" onClick={() => setWhole(!whole)} className="text-xs text-muted underline">{whole ? "Only what changed" : `Show ${counted(same, "column")} that stayed`}</button>}
    </div>
  );
}

const LONG = 2_000;

function Cell({ value }: { value: Raw | undefined }): ReactElement {
  if (value === undefined) return <span className="font-sans text-faint">not there</span>;
  if (value === "null") return <span className="text-faint italic">null</span>;
  const text = rawText(value);
  if (text === "") return <span className="font-sans text-faint">empty text</span>;
  return <>{text.slice(0, LONG)}{text.length > LONG && <span className="font-sans text-faint"> … {number(text.length - LONG)} letters more</span>}</>;
}
