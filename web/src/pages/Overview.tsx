import { Plus } from "lucide-react";
import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { usePages, useWhole, W } from "@/api/hooks";
import { Link } from "@/app/links";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { useSurroundings } from "@/app/workspace";
import { LinkButton } from "@/ui/Button";
import { Section, Status } from "@/ui/bits";
import { Empty, Loaded } from "@/ui/states";
import { counted } from "@/lib/format";
import { leftBehind } from "@/lib/runs";

import { SyncTable } from "./SyncTable";
import { attentionFor, type Attention } from "@/lib/attention";
import type { Verification } from "@/api/jobs";
import { usable } from "./verification";

export default function Overview(): ReactElement {
  const places = usePlaces();
  const { workspace } = useSurroundings();
  const syncs = useWhole(`${W}/syncs`, { refetchInterval: 5_000 });
  const destinations = useWhole(`${W}/destinations`);
  const runs = usePages(`${W}/runs`, { query: { limit: 200 } }, { refetchInterval: 10_000 });
  const broken = (destinations.data ?? []).filter((each) => each.verification && !usable(each.verification as unknown as Verification));
  return (
    <Page title="Overview" sentence={`Workspace ${workspace.name}${syncs.data ? `: ${counted(syncs.data.length, "sync")}, ${counted(new Set(syncs.data.map((sync) => sync.stream)).size, "stream")}` : ""}.`} actions={syncs.data?.length ? <LinkButton {...places.newSync()} kind="primary" needs="editor" icon={<Plus className="size-4" aria-hidden />}>New sync</LinkButton> : undefined}>
      <Loaded of={syncs}>
        {(list) => {
          if (list.length === 0) return <Begin />;
          const left = new Map<string, Schemas["Counts"]>();
          for (const run of runs.items) if (run.counts && list.some((sync) => sync.newest_run?.id === run.id)) left.set(run.sync, run.counts);
          const attention = list.flatMap((sync) => attentionFor(sync, leftBehind(left.get(sync.id) ?? ({ rejected: 0, unanswered: 0, deferred: 0 } as Schemas["Counts"]))));
          return (
            <div className="space-y-8">
              <Section title="Needs attention">
                {attention.length + broken.length === 0 ? (
                  <p className="rounded-lg border border-line bg-surface px-3 py-2.5"><Status tone="good">Everything is fine: {counted(list.length, "sync")}, none waits for anybody.</Status></p>
                ) : (
                  <ul className="divide-y divide-line rounded-lg border border-line bg-surface">
                    {attention.map((item) => <Item key={`${item.sync.id}${item.what}`} item={item} />)}
                    {broken.map((destination) => (
                      <li key={destination.id} className="relative flex flex-wrap items-baseline gap-x-4 px-3 py-2 hover:bg-hover">
                        <Status tone="bad"><Link {...places.destination(destination.id)} className="font-medium after:absolute after:inset-0">{destination.name}</Link></Status>
                        <span className="text-muted">Its access does not work; look what to change in AWS, then verify again.</span>
                      </li>
                    ))}
                  </ul>
                )}
              </Section>
              <Section title="Syncs"><SyncTable syncs={list} /></Section>
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Item({ item }: { item: Attention }): ReactElement {
  const places = usePlaces();
  return (
    <li className="relative flex flex-wrap items-baseline gap-x-4 px-3 py-2 hover:bg-hover">
      <Status tone={item.tone}><Link {...(item.run ? places.run(item.run) : places.sync(item.sync.id))} className="font-medium after:absolute after:inset-0">{item.sync.name}</Link></Status>
      <span className="text-muted">{item.what}</span>
    </li>
  );
}

function Begin(): ReactElement {
  const places = usePlaces();
  return (
    <Empty title="Nothing is set up yet" action={<LinkButton {...places.setup()} kind="primary" needs="editor">Start the set-up</LinkButton>}>
      In four steps from a table to a stream: where rows come from, which rows, where they go, and what becomes of them. You can leave at any time and go on later.
    </Empty>
  );
}
