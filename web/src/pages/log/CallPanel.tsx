import { X } from "lucide-react";
import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { useGet, W } from "@/api/hooks";
import { bytes, counted, duration, number } from "@/lib/format";
import type { Caller } from "@/log/cli";
import { useLog } from "@/log/read";
import type { LoggedCall, LoggedCallDetails } from "@/log/shapes";
import { IconButton } from "@/ui/Button";
import { CopyButton, Fact, Facts, Id, Status, Time } from "@/ui/bits";
import { Loaded } from "@/ui/states";

import { Bodies } from "./Bodies";
import { Explanation } from "./Notes";
import { RecordResults } from "./RecordResults";
import { latency } from "./words";

interface Props {
  run: Schemas["RunDetails"];
  number: string;
  onClose: () => void;
}

/** One call: what it came to, its records, its bodies. Beside the list, or above it where there is no room. */
export function CallPanel({ run, number: of, onClose }: Props): ReactElement {
  const details = useLog<LoggedCallDetails>(`${W}/runs/{run_id}/calls/{number}`, { path: { run_id: run.id, number: of } });
  const sync = useGet(`${W}/syncs/{sync_id}`, { path: { sync_id: run.sync } });
  const destination = useGet(`${W}/destinations/{destination_id}`, { path: { destination_id: sync.data?.destination ?? "" } }, { enabled: sync.data !== undefined });
  const caller: Caller = { region: destination.data?.region, endpoint: destination.data?.endpoint };
  return (
    <section
      aria-label={`Call ${of}`}
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && onClose()}
      className="min-w-0 space-y-4 bg-surface max-lg:fixed max-lg:inset-0 max-lg:z-30 max-lg:overflow-y-auto max-lg:p-4 lg:sticky lg:top-4 lg:max-h-[calc(100dvh-3rem)] lg:w-[min(38rem,50%)] lg:shrink-0 lg:overflow-y-auto lg:rounded-lg lg:border lg:border-line lg:p-4"
    >
      <div className="flex items-center gap-2">
        <h2 className="text-[15px] font-semibold">{details.data?.call.kind ?? "Call"} <span className="figures font-normal text-muted">{of}</span></h2>
        <CopyButton text={window.location.href} label="Copy the address of this call" />
        <IconButton label="Close" small className="ml-auto" onClick={onClose}><X className="size-4" aria-hidden /></IconButton>
      </div>
      <Loaded of={details} rows={6}>
        {(found) => (
          <>
            <Result call={found.call} />
            <About call={found.call} />
            <RecordResults run={run} details={found} />
            <Bodies details={found} caller={caller} />
          </>
        )}
      </Loaded>
    </section>
  );
}

/** What failed, with what it means, before anything else. */
function Result({ call }: { call: LoggedCall }): ReactElement {
  if (call.error) {
    return <Explanation of={call.error}>{call.http_status === null && call.records > 0 && <p className="mt-1">No answer came, so nobody knows whether the stream has its records. They are put again, with the same <code className="font-mono">event.id</code>.</p>}</Explanation>;
  }
  return (
    <div className="space-y-2">
      <p className="text-[13px]">
        {call.failed_records > 0
          ? <Status tone="warn">{counted(call.failed_records, "record")} of {number(call.records)} failed; the others are in the stream</Status>
          : <Status tone="good">{call.records > 0 ? `All ${counted(call.records, "record")} taken` : "Answered"}</Status>}
      </p>
      {call.failures.map((failure) => (
        <Explanation key={`${failure.code} ${failure.message}`} tone="warn" of={failure} count={counted(failure.positions.length, "record")}>
          <p className="mt-1 text-xs">At {positionsText(failure.positions)} of the request, from 0.</p>
        </Explanation>
      ))}
    </div>
  );
}

export function positionsText(positions: number[]): string {
  const ranges: [number, number][] = [];
  for (const position of positions) {
    const last = ranges.at(-1);
    if (last && last[1] === position - 1) last[1] = position;
    else ranges.push([position, position]);
  }
  const shown = ranges.slice(0, 12).map(([from, to]) => (from === to ? String(from) : `${from}–${to}`));
  return `${positions.length === 1 ? "position" : "positions"} ${shown.join(", ")}${ranges.length > 12 ? " and more" : ""}`;
}

function About({ call }: { call: LoggedCall }): ReactElement {
  return (
    <Facts>
      <Fact name="Started"><Time at={call.started_at} exact /></Fact>
      <Fact name="Latency">{latency(call.latency_us)}{call.waited_ms > 0 && <span className="text-muted">, after pacing held it back for {duration(call.waited_ms)}</span>}</Fact>
      <Fact name="Status">{call.http_status ?? "no answer"}</Fact>
      <Fact name="Attempt">{number(call.attempt)}{call.retry_reason && <span className="text-muted">, since the one before met <code className="font-mono text-xs">{call.retry_reason}</code></span>}</Fact>
      {call.records > 0 && <Fact name="Records">{number(call.records)}, {bytes(call.bytes)} of data and keys</Fact>}
      {call.shards.length > 0 && <Fact name={call.shards.length === 1 ? "Shard" : "Shards"}><span className="font-mono text-xs break-words">{call.shards.slice(0, 20).join(", ")}{call.shards.length > 20 && ` and ${number(call.shards.length - 20)} more`}</span></Fact>}
      {call.request_id && <Fact name="AWS request id"><Id value={call.request_id} /></Fact>}
      <Fact name="Attempt of the run">epoch {call.epoch}</Fact>
    </Facts>
  );
}
