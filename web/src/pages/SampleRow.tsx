import { KeyRound } from "lucide-react";
import type { ReactElement } from "react";

import type { QueryResult } from "@/api/jobs";
import { valueText } from "@/lib/format";

/** One row of the model, column by column. */
export function SampleRow({ sample, keys, at }: { sample: QueryResult; keys: string[]; at: number }): ReactElement | null {
  const row = sample.rows[Math.min(at, sample.rows.length - 1)];
  if (!row) return null;
  return (
    <div className="rounded-lg border border-line bg-surface">
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
