import type { ReactElement } from "react";
import { useMemo, useState } from "react";

import type { Schemas } from "@/api/client";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted, number, prettyJson } from "@/lib/format";
import type { SentRecord } from "@/log/cli";
import { answeredRecords, sentRecords } from "@/log/cli";
import { rawKeyText } from "@/log/exact";
import { shardNumber } from "@/log/report";
import type { LoggedCallDetails, RowOutcome } from "@/log/shapes";
import { Button } from "@/ui/Button";
import { CodeBlock, Status } from "@/ui/bits";
import { Segments } from "@/ui/Field";

import { SequenceNumber } from "./words";

interface Line {
  position: number;
  key: string | null;
  element: string | null;
  code: string | undefined;
  why: string | undefined;
  shard: string | null;
  sequenceNumber: string | null;
  /** What became of it, if another call decided that. */
  later: RowOutcome | undefined;
}

const FEW = 30;

/** Of the log of rows; or of the bodies, where rows are not logged. */
export function linesOf(details: LoggedCallDetails): Line[] {
  if (details.in_request.length > 0) {
    return details.in_request.map((record) => ({
      position: record.position,
      key: record.key,
      element: record.element,
      code: record.failure?.code ?? (details.call.error && record.decided_here && record.outcome !== "delivered" ? details.call.error.code : undefined),
      why: record.failure?.message,
      shard: record.decided_here ? record.shard : null,
      sequenceNumber: record.decided_here ? record.sequence_number : null,
      later: record.decided_here ? undefined : record.outcome,
    }));
  }
  const failures = new Map(details.call.failures.flatMap((failure) => failure.positions.map((position) => [position, failure] as const)));
  const answers = answeredRecords(details.response);
  const count = Math.max(answers.length, sentRecords(details.request).length);
  return Array.from({ length: count }, (_, position) => {
    const answer = answers[position];
    const failure = failures.get(position);
    return { position, key: null, element: null, code: failure?.code ?? answer?.code, why: failure?.message ?? answer?.message, shard: answer?.shard ?? null, sequenceNumber: answer?.sequenceNumber ?? null, later: undefined };
  });
}

export function RecordResults({ run, details }: { run: Schemas["RunDetails"]; details: LoggedCallDetails }): ReactElement | null {
  const lines = useMemo(() => linesOf(details), [details]);
  const failed = lines.filter((line) => line.code !== undefined);
  const [which, setWhich] = useState<"all" | "failed">(failed.length > 0 && failed.length < lines.length ? "failed" : "all");
  const [whole, setWhole] = useState(false);
  const [open, setOpen] = useState<number>();
  const sent = useMemo(() => (open === undefined ? [] : sentRecords(details.request)), [details.request, open]);
  if (details.call.records === 0) return null;
  if (lines.length === 0) return <p className="text-[13px] text-muted">Neither the rows nor the bodies of this call are kept, so its records cannot be told apart.</p>;
  const chosen = which === "failed" ? failed : lines;
  const shown = whole ? chosen : chosen.slice(0, FEW);
  const columns = details.in_request.length > 0;
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-[13px] font-semibold">Records</h3>
        {failed.length > 0 && <Segments label="Records" value={which} onChange={setWhich} choices={[{ value: "failed", label: `Failed ${number(failed.length)}` }, { value: "all", label: `All ${number(lines.length)}` }]} />}
      </div>
      <div className="overflow-x-auto rounded-md border border-line">
        <table aria-label="Records of the call" className="w-full border-collapse text-xs">
          <thead>
            <tr className="h-7 border-b border-line text-left text-muted">
              <th scope="col" className="px-2 text-right font-medium">#</th>
              {columns && <th scope="col" className="px-2 font-medium">Key</th>}
              <th scope="col" className="px-2 font-medium">Result</th>
              <th scope="col" className="px-2 font-medium">Shard</th>
              <th scope="col" className="px-2 font-medium">Sequence number</th>
              <th scope="col"><span className="sr-only">Its message</span></th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => <Record key={`${line.position} ${line.key} ${line.element}`} run={run} line={line} columns={columns} open={open === line.position} sent={sent[line.position]} kept={details.request !== null && !details.request.cut} onOpen={() => setOpen(open === line.position ? undefined : line.position)} />)}
          </tbody>
        </table>
      </div>
      {shown.length < chosen.length && <Button small onClick={() => setWhole(true)}>Show all {counted(chosen.length, "record")}</Button>}
    </div>
  );
}

function Record({ run, line, columns, open, sent, kept, onOpen }: { run: Schemas["RunDetails"]; line: Line; columns: boolean; open: boolean; sent: SentRecord | undefined; kept: boolean; onOpen: () => void }): ReactElement {
  const places = usePlaces();
  const name = line.key === null ? "" : rawKeyText(line.key) + (line.element === null ? "" : ` · ${rawKeyText(line.element)}`);
  return (
    <>
      <tr className="h-7 border-b border-line last:border-0">
        <td className="figures px-2 text-right text-muted">{line.position}</td>
        {columns && <td className="max-w-40 truncate px-2 font-mono">{line.key === null ? <span className="text-faint">unknown</span> : <Link {...places.timeline(run.sync, line.key)} className="underline" title={name}>{name}</Link>}</td>}
        <td className="px-2 py-1"><Outcome line={line} /></td>
        <td className="px-2 font-mono" title={line.shard ?? undefined}>{line.shard ? shardNumber(line.shard) : ""}</td>
        <td className="px-2">{line.sequenceNumber && line.shard ? <Link {...places.log({ at: `${line.shard}:${line.sequenceNumber}` })} className="underline"><SequenceNumber value={line.sequenceNumber} short /></Link> : ""}</td>
        <td className="px-1 text-right">{kept && <button type="button" aria-expanded={open} aria-label={`Message at ${line.position}`} onClick={onOpen} className="h-6 rounded px-1.5 text-muted hover:bg-hover hover:text-ink">{open ? "hide" : "message"}</button>}</td>
      </tr>
      {open && sent && (
        <tr className="border-b border-line">
          <td colSpan={columns ? 6 : 5} className="p-2">
            <p className="mb-1 break-all text-muted">Partition key <code className="font-mono text-ink">{sent.partitionKey}</code>{sent.explicitHashKey && <>, hash key <code className="font-mono text-ink">{sent.explicitHashKey}</code></>}{!sent.isText && "; the message is no text, so this is its base64"}</p>
            <CodeBlock label={`Message at ${line.position}`} text={sent.isText ? prettyJson(sent.message) : sent.message} wrap />
          </td>
        </tr>
      )}
    </>
  );
}

function Outcome({ line }: { line: Line }): ReactElement {
  const then = line.later === undefined ? null : line.later === "delivered" ? "a later call delivered it" : `in the end ${line.later}`;
  if (line.code !== undefined) return <span title={line.why}><Status tone="bad"><code className="font-mono">{line.code}</code></Status>{then && <span className="text-muted"> {then}</span>}</span>;
  if (line.sequenceNumber) return <Status tone="good">taken</Status>;
  return <Status tone="quiet">{then ?? "not answered"}</Status>;
}
