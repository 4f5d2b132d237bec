import { Plus } from "lucide-react";
import type { ReactElement } from "react";

import { useWhole, W } from "@/api/hooks";
import { Page } from "@/app/Page";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { LinkButton } from "@/ui/Button";
import { Time } from "@/ui/bits";
import { Empty, Loaded } from "@/ui/states";
import { ROW_LINK, Table } from "@/ui/Table";

export default function Models(): ReactElement {
  const places = usePlaces();
  const models = useWhole(`${W}/models`);
  const sources = useWhole(`${W}/sources`);
  const add = <LinkButton {...places.newModel()} kind="primary" needs="editor" icon={<Plus className="size-4" aria-hidden />}>New model</LinkButton>;
  return (
    <Page title="Models" sentence="Queries, and what tells their rows apart." actions={models.data?.length ? add : undefined}>
      <Loaded of={models}>
        {(list) => (
          <Table
            label="Models"
            rows={list}
            rowKey={(model) => model.id}
            empty={<Empty title="No model yet" action={add}>A model is a query on a source. Its rows are compared from run to run, by their primary key.</Empty>}
            columns={[
              { name: "Name", cell: (model) => <Link {...places.model(model.id)} data-row className={ROW_LINK}>{model.name}</Link> },
              { name: "Source", cell: (model) => sources.data?.find((source) => source.id === model.source)?.name ?? "" },
              { name: "Key", wide: true, cell: (model) => <span className="font-mono text-xs">{model.key.join(", ")}</span> },
              { name: "Query", wide: true, cell: (model) => <span className="block max-w-sm truncate font-mono text-xs text-muted">{model.query.replace(/\s+/g, " ")}</span> },
              { name: "Changed", right: true, cell: (model) => <Time at={model.updated_at} /> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}
