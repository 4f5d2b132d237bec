import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { useGet, W } from "@/api/hooks";
import type { Faults } from "@/api/problem";
import { bytes, counted } from "@/lib/format";
import { Choices, Field, Input } from "@/ui/Field";

type Log = Schemas["Log"];

interface Props {
  value: Log;
  onChange: (value: Log) => void;
  faults: Faults;
  /** What the log of this run took is the best estimate of what the next one takes. */
  newestRun: string | undefined;
}

/** How much of what a run does is kept, and what that takes. */
export function LogField({ value, onChange, faults, newestRun }: Props): ReactElement {
  return (
    <div className="mt-3 space-y-5">
      <Choices
        legend="Rows"
        inline
        value={value.rows ?? "full"}
        onChange={(rows) => onChange({ ...value, rows })}
        choices={[
          { value: "full", label: "Outcome, message and values", hint: "60 to 100 bytes a row, and its message and values compressed. A past run can be sent again as it was." },
          { value: "outcomes", label: "Outcome only", hint: "60 to 100 bytes a row: key, operation, place in the stream, tries, reason." },
          { value: "none", label: "Nothing", hint: "Then nobody can tell where a row is." },
        ]}
      />
      <Choices
        legend="Whole requests and answers"
        inline
        value={value.bodies ?? "failures"}
        onChange={(bodies) => onChange({ ...value, bodies })}
        choices={[
          { value: "failures", label: "Of calls with a failure, and some others", hint: "Little, as long as little fails." },
          { value: "all", label: "Of every call", hint: "Everything that is sent once more, compressed." },
          { value: "none", label: "Of none", hint: "Calls keep their times, sizes and codes." },
        ]}
      />
      {(value.bodies ?? "failures") === "failures" && (
        <Field label="One in so many of the other calls" hint="0 keeps none of them." error={faults["/log/sample"]} className="max-w-60">
          <Input type="number" min={0} value={String(value.sample)} onChange={(event) => onChange({ ...value, sample: Number(event.target.value) })} />
        </Field>
      )}
      {newestRun && <Taken run={newestRun} />}
    </div>
  );
}

function Taken({ run }: { run: string }): ReactElement | null {
  const report = useGet(`${W}/runs/{run_id}/report`, { path: { run_id: run } });
  if (!report.data) return null;
  const { log, rows, calls } = report.data;
  if (log.objects === 0) return <p className="text-xs text-muted">The newest run has nothing in the log.</p>;
  return (
    <p className="text-xs text-muted">
      The log of the newest run takes {bytes(log.bytes)}, for {counted(rows.rows, "row")} and {counted(calls.calls, "call")}.
      {rows.rows >= 100 && ` At that rate a million rows take ${bytes((log.bytes / rows.rows) * 1e6)}.`}
    </p>
  );
}
