import type { ReactElement } from "react";

import { useGet, W } from "@/api/hooks";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted, localTime } from "@/lib/format";
import { stateText, toneOf } from "@/lib/runs";
import type { Tone } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { ABOVE_ROW } from "@/ui/Table";

const FILLS: Record<Tone, string> = { good: "bg-good-fill", warn: "bg-warn-fill", bad: "bg-bad-fill", busy: "bg-info-fill animate-pulse", quiet: "bg-quiet-fill" };

/** The last 30 runs, one cell each, the newest at the right: how it went is its color, how much was delivered its height where all went well. */
export function RunStrip({ sync }: { sync: string }): ReactElement {
  const places = usePlaces();
  const runs = useGet(`${W}/syncs/{sync_id}/runs`, { path: { sync_id: sync }, query: { limit: 30 } }, { staleTime: 10_000 });
  const cells = [...(runs.data?.items ?? [])].reverse();
  const most = Math.max(1, ...cells.map((run) => run.counts?.delivered ?? 0));
  return (
    <span className={cx("flex h-5 w-fit items-end gap-0.5", ABOVE_ROW)} role="group" aria-label={`The last ${cells.length} runs`}>
      {cells.map((run) => {
        const delivered = run.counts?.delivered ?? 0;
        const text = `${stateText(run)}, ${counted(delivered, "record")} delivered, ${localTime(new Date(run.created_at))}`;
        return <Link key={run.id} {...places.run(run.id)} title={text} aria-label={`Run: ${text}`} className={cx("w-1.5 rounded-[2px] hover:opacity-70", FILLS[toneOf(run)])} style={{ height: `${toneOf(run) === "good" ? 40 + 60 * Math.sqrt(delivered / most) : 100}%` }} />;
      })}
    </span>
  );
}
