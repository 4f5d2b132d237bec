import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { number } from "@/lib/format";
import type { Part } from "@/lib/runs";
import { plannedParts, readParts } from "@/lib/runs";
import { Link, type Place } from "@/app/links";
import { cx } from "@/ui/cx";

const FILLS: Record<Part["tone"], string> = { good: "bg-good-fill", info: "bg-info-fill", warn: "bg-warn-fill", bad: "bg-bad-fill", quiet: "bg-quiet-fill" };

/** What was planned and what became of it, as one thin bar. */
export function AccountingBar({ counts, ended }: { counts: Schemas["Counts"]; ended: boolean }): ReactElement {
  const { total, parts } = plannedParts(counts, ended);
  return total === 0 ? <span className="text-xs text-faint">nothing to send</span> : <Bar total={total} parts={parts} className="h-2" />;
}

function Bar({ total, parts, className }: { total: number; parts: Part[]; className?: string }): ReactElement {
  const shown = parts.filter((part) => part.value > 0);
  return (
    <span className={cx("flex h-3 w-full gap-px overflow-hidden rounded-sm bg-sunken", className)} role="img" aria-label={shown.map((part) => `${number(part.value)} ${part.label}`).join(", ") || "none"}>
      {shown.map((part) => <span key={part.id} title={`${part.label}: ${number(part.value)}`} className={cx("min-w-0.5", FILLS[part.tone])} style={{ width: `${(part.value / total) * 100}%` }} />)}
    </span>
  );
}

interface SumProps {
  name: string;
  total: number;
  parts: Part[];
  /** While it works the sums need not hold yet. */
  final: boolean;
  /** Where the rows of a part are listed. */
  place?: (part: Part) => Place | undefined;
}

/** A sum and its parts, which add up. */
export function Sum({ name, total, parts, final, place }: SumProps): ReactElement {
  const sum = parts.reduce((so, part) => so + part.value, 0);
  return (
    <div className="space-y-1.5">
      <p className="text-[13px]"><span className="figures font-medium">{number(total)}</span> {name}</p>
      <Bar total={Math.max(total, sum, 1)} parts={parts} />
      <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {parts.map((part) => {
          const there = part.value > 0 ? place?.(part) : undefined;
          const text = <><span className={cx("size-2 shrink-0 rounded-[2px]", FILLS[part.tone])} aria-hidden /><span className="figures">{number(part.value)}</span> {part.label}</>;
          return <li key={part.id} className={cx(part.value === 0 && "text-faint")}>{there ? <Link {...there} className="inline-flex items-center gap-1.5 underline">{text}</Link> : <span className="inline-flex items-center gap-1.5">{text}</span>}</li>;
        })}
      </ul>
      {final && sum !== total && <p role="alert" className="text-xs text-bad">These parts make {number(sum)}, not {number(total)}. This is a fault of the service: report it with the id of the run.</p>}
    </div>
  );
}

export function Accounting({ counts, final, places }: { counts: Schemas["Counts"]; final: boolean; places: { rejections: Place; invalid: Place } }): ReactElement {
  const read = readParts(counts);
  const planned = plannedParts(counts, final);
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <Sum name={counts.units + counts.invalid === counts.queried ? "rows read" : `units of ${number(counts.queried)} rows read`} {...read} final={final} place={(part) => (part.id === "invalid" ? places.invalid : undefined)} />
      <Sum name="records planned" {...planned} final={final} place={(part) => (part.id === "rejected" || part.id === "unanswered" ? places.rejections : undefined)} />
    </div>
  );
}
