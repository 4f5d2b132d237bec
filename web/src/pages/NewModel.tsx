import { useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { useWhole, W } from "@/api/hooks";
import { Page } from "@/app/Page";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { LinkButton } from "@/ui/Button";
import { Empty, Loaded } from "@/ui/states";

import { ModelCreator } from "./ModelCreator";

export default function NewModel(): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const search = useSearch({ from: "/w/$ws/models/new" });
  const sources = useWhole(`${W}/sources`);
  return (
    <Page title="New model" above={{ label: "Models", place: places.models() }} sentence="Write a query, look at its rows, and say what tells them apart.">
      <Loaded of={sources}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="A model reads from a source, and there is none yet" action={<LinkButton {...places.newSource()} kind="primary">New source</LinkButton>} />
          ) : (
            <ModelCreator source={search.source ?? (list.length === 1 ? (list[0]?.id ?? "") : "")} onDone={(id) => void navigate({ ...places.model(id), ignoreBlocker: true })} />
          )
        }
      </Loaded>
    </Page>
  );
}
