import { useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { useWhole, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { LinkButton } from "@/ui/Button";
import { Empty, Loaded } from "@/ui/states";

import { SyncCreator } from "./SyncCreator";

export default function NewSync(): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const search = useSearch({ from: "/w/$ws/syncs/new" });
  const models = useWhole(`${W}/models`);
  const destinations = useWhole(`${W}/destinations`);
  const only = (list: { id: string }[]) => (list.length === 1 ? (list[0]?.id ?? "") : "");
  const done = (sync: string, run: string | undefined) => void navigate({ ...(run ? places.run(run) : places.sync(sync)), ignoreBlocker: true });
  return (
    <Page title="New sync" above={{ label: "Syncs", place: places.syncs() }} sentence="Which message becomes of a row, and when it is sent.">
      <Loaded of={models}>
        {(all) => (
          <Loaded of={destinations}>
            {(there) =>
              all.length === 0 || there.length === 0 ? (
                <Empty title={`A sync sends a model to a destination, and there is no ${all.length === 0 ? "model" : "destination"} yet`} action={<LinkButton {...places.setup()} kind="primary">Guided set-up</LinkButton>} />
              ) : (
                <SyncCreator model={search.model ?? only(all)} destination={search.destination ?? only(there)} onDone={done} />
              )
            }
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}
