import { ChevronLeft, ChevronRight, KeyRound } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import type { QueryResult } from "@/api/jobs";
import { valueText } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { Empty } from "@/ui/states";

/** One row of the model, column by column. */
export function SampleRow({ sample, keys }: { sample: QueryResult; keys: string[] }): ReactElement {
  const [at, setAt] = useState(0);
  const row = sample.rows[Math.min(at, sample.rows.length - 1)];
  if (!row) return <Empty title="The model has no rows at the moment">Its columns: {sample.columns.map((column) => column.name).join(", ")}</Empty>;
  return (
    <div className="rounded-lg border border-line bg-surface">
      <div className="flex items-center justify-between border-b border-line px-3 py-1.5">
        <p className="text-[13px] font-medium">Row {at + 1} of {sample.cut ? "the first " : ""}{sample.rows.length}</p>
        <div className="flex">
          <IconButton small label="Row before" refusal={at === 0 && "This is the first"} onClick={() => setAt(at - 1)}><ChevronLeft className="size-4" aria-hidden /></IconButton>
          <IconButton small label="Next row" refusal={at >= sample.rows.length - 1 && "This is the last"} onClick={() => setAt(at + 1)}><ChevronRight className="size-4" aria-hidden /></IconButton>
        </div>
      </div>
      <dl className="divide-y divide-line font-mono text-xs">
        {sample.columns.map((column, place) => (
          <div key={column.name} className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)] gap-3 px-3 py-1.5">
            <dt className="min-w-0">
              <span className="flex items-center gap-1 break-all">{keys.includes(column.name) && <KeyRound className="size-3 shrink-0 text-accent" aria-label="key" />}{column.name}</span>
              <span className="font-sans text-[11px] text-faint">{column.source_type}</span>
            </dt>
            <dd className="break-all">{row[place] === null ? <span className="text-faint italic">null</span> : valueText(row[place])}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
