import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { usePages, W } from "@/api/hooks";
import { eventText, hasEnded } from "@/lib/runs";
import { Button } from "@/ui/Button";
import { Time } from "@/ui/bits";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";

/** The story of a run, in order. */
export function RunEvents({ run }: { run: Schemas["RunDetails"] }): ReactElement {
  const events = usePages(`${W}/runs/{run_id}/events`, { path: { run_id: run.id } }, { refetchInterval: hasEnded(run.state) ? false : 2_000 });
  if (events.error) return <ProblemNote error={events.error} onRetry={() => void events.refetch()} />;
  if (events.isPending) return <Skeleton rows={4} />;
  if (events.items.length === 0) return <Empty title="Nothing has happened yet" />;
  return (
    <>
      <ol className="space-y-0 border-l border-line pl-4">
        {events.items.map((event) => (
          <li key={event.id} className="relative pb-4 before:absolute before:top-1.5 before:-left-[1.3rem] before:size-2 before:rounded-full before:bg-line-strong">
            <p className="flex flex-wrap items-baseline gap-x-3"><span className="font-medium first-letter:uppercase">{event.kind.replaceAll("-", " ")}</span><span className="text-xs text-muted"><Time at={event.at} exact /></span></p>
            <p className="figures text-[13px] break-words text-muted">{eventText(event.detail)}</p>
          </li>
        ))}
      </ol>
      {events.hasNextPage && <Button busy={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>Show more</Button>}
    </>
  );
}
