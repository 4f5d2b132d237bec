import type { ReactElement } from "react";

import { useGet, W } from "@/api/hooks";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { localTime } from "@/lib/format";
import { stateText, toneOf } from "@/lib/runs";
import type { Tone } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { ABOVE_ROW } from "@/ui/Table";

const FILLS: Record<Tone, string> = { good: "bg-good-fill", warn: "bg-warn-fill", bad: "bg-bad-fill", busy: "bg-info-fill animate-pulse", quiet: "bg-quiet-fill" };

/** The last 30 runs, one cell each, the newest at the right. */
export function RunStrip({ sync }: { sync: string }): ReactElement {
  const places = usePlaces();
  const runs = useGet(`${W}/syncs/{sync_id}/runs`, { path: { sync_id: sync }, query: { limit: 30 } }, { staleTime: 10_000 });
  const cells = [...(runs.data?.items ?? [])].reverse();
  return (
    <span className={cx("flex h-4 w-fit items-stretch gap-0.5", ABOVE_ROW)} role="group" aria-label={`The last ${cells.length} runs`}>
      {cells.map((run) => {
        const text = `${stateText(run)}, ${localTime(new Date(run.created_at))}`;
        return <Link key={run.id} {...places.run(run.id)} title={text} aria-label={`Run: ${text}`} className={cx("w-1.5 rounded-[2px] hover:opacity-70", FILLS[toneOf(run)])} />;
      })}
    </span>
  );
}
