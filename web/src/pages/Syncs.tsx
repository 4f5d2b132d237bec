import { Plus } from "lucide-react";
import type { ReactElement } from "react";

import { useWhole, W } from "@/api/hooks";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { LinkButton } from "@/ui/Button";
import { Empty, Loaded } from "@/ui/states";

import { SyncTable } from "./SyncTable";

export default function Syncs(): ReactElement {
  const places = usePlaces();
  const syncs = useWhole(`${W}/syncs`, { refetchInterval: 10_000 });
  const add = <LinkButton {...places.newSync()} kind="primary" needs="editor" icon={<Plus className="size-4" aria-hidden />}>New sync</LinkButton>;
  return (
    <Page title="Syncs" sentence="Models on their way to streams." actions={syncs.data?.length ? add : undefined}>
      <Loaded of={syncs}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No sync yet" action={<><LinkButton {...places.setup()} kind="primary" needs="editor">Guided set-up</LinkButton><LinkButton {...places.newSync()} needs="editor" icon={<Plus className="size-4" aria-hidden />}>New sync</LinkButton></>}>A sync sends the rows of a model, as they change, into a stream.</Empty>
          ) : (
            <SyncTable syncs={list} />
          )
        }
      </Loaded>
    </Page>
  );
}
