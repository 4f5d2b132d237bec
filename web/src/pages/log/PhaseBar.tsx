import type { ReactElement } from "react";

import { duration } from "@/lib/format";
import type { PhaseSpan } from "@/log/report";
import { cx } from "@/ui/cx";

import { Clock } from "./words";

const FILLS: Record<string, string> = { waiting: "bg-quiet-fill", reading: "bg-info-fill", comparing: "bg-warn-fill", sending: "bg-good-fill", finishing: "bg-line-strong" };

/** How the time of a run was spent. */
export function PhaseBar({ spans }: { spans: PhaseSpan[] }): ReactElement {
  const total = Math.max(1, spans.reduce((sum, span) => sum + span.milliseconds, 0));
  return (
    <div className="space-y-2">
      <span role="img" aria-label={spans.map((span) => `${span.phase} ${duration(span.milliseconds)}`).join(", ")} className="flex h-4 w-full gap-px overflow-hidden rounded-sm bg-sunken">
        {spans.map((span, at) => <span key={at} title={`${span.phase}: ${duration(span.milliseconds)}`} className={cx("min-w-0.5", FILLS[span.phase] ?? "bg-quiet-fill")} style={{ width: `${(span.milliseconds / total) * 100}%` }} />)}
      </span>
      <ul className="flex flex-wrap gap-x-6 gap-y-1 text-[13px]">
        {spans.map((span, at) => (
          <li key={at} className="flex items-center gap-1.5">
            <span aria-hidden className={cx("size-2 rounded-[2px]", FILLS[span.phase] ?? "bg-quiet-fill")} />
            {span.phase} <span className="figures font-medium">{duration(span.milliseconds)}</span>
            <span className="text-xs text-muted">from <Clock at={new Date(span.at).toISOString()} /></span>
          </li>
        ))}
      </ul>
    </div>
  );
}
