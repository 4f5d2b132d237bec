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

export default function Sources(): ReactElement {
  const places = usePlaces();
  const sources = useWhole(`${W}/sources`);
  const add = <LinkButton {...places.newSource()} kind="primary" needs="editor" icon={<Plus className="size-4" aria-hidden />}>New source</LinkButton>;
  return (
    <Page title="Sources" sentence="Databases whose rows are read." actions={sources.data?.length ? add : undefined}>
      <Loaded of={sources}>
        {(list) => (
          <Table
            label="Sources"
            rows={list}
            rowKey={(source) => source.id}
            empty={<Empty title="No source yet" action={add}>A source is a PostgreSQL database and a login that may read what you want to send.</Empty>}
            columns={[
              { name: "Name", cell: (source) => <Link {...places.source(source.id)} data-row className={ROW_LINK}>{source.name}</Link> },
              { name: "Database", cell: (source) => <span className="font-mono text-xs break-all">{source.postgres.host}:{source.postgres.port}/{source.postgres.database}</span> },
              { name: "User", wide: true, cell: (source) => source.postgres.user },
              { name: "TLS", wide: true, cell: (source) => source.postgres.tls },
              { name: "Changed", right: true, wide: true, cell: (source) => <Time at={source.updated_at} /> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}
