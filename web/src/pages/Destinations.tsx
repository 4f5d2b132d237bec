import { Plus } from "lucide-react";
import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import { useWhole, W } from "@/api/hooks";
import type { Verification } from "@/api/jobs";
import { Page } from "@/app/Page";
import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { LinkButton } from "@/ui/Button";
import { Chip, Status, Time } from "@/ui/bits";
import { Empty, Loaded } from "@/ui/states";
import { ROW_LINK, Table } from "@/ui/Table";

import { usable } from "./verification";

export default function Destinations(): ReactElement {
  const places = usePlaces();
  const destinations = useWhole(`${W}/destinations`);
  const add = <LinkButton {...places.newDestination()} kind="primary" needs="editor" icon={<Plus className="size-4" aria-hidden />}>New destination</LinkButton>;
  return (
    <Page title="Destinations" sentence="Amazon Kinesis in an account and region, and the access to it." actions={destinations.data?.length ? add : undefined}>
      <Loaded of={destinations}>
        {(list) => (
          <Table
            label="Destinations"
            rows={list}
            rowKey={(destination) => destination.id}
            empty={<Empty title="No destination yet" action={add}>A destination is a region of your AWS account, with a role or an access key that may put records into your streams.</Empty>}
            columns={[
              { name: "Name", cell: (destination) => <span className="flex items-center gap-2"><Link {...places.destination(destination.id)} data-row className={ROW_LINK}>{destination.name}</Link>{destination.paused && <Chip>paused</Chip>}</span> },
              { name: "Access", cell: (destination) => <Proved destination={destination} /> },
              { name: "Region", wide: true, cell: (destination) => <span className="whitespace-nowrap">{destination.region}</span> },
              { name: "Credentials", wide: true, cell: (destination) => <span className="font-mono text-xs break-all">{credentialsText(destination.credentials)}</span> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}

export function credentialsText(credentials: Schemas["Credentials"]): string {
  if (credentials.type === "role") return credentials.role_arn;
  return credentials.type === "access-key" ? `access key …${credentials.access_key_id.hint ?? ""}` : "identity of the service";
}

export function Proved({ destination }: { destination: Schemas["Destination"] }): ReactElement {
  if (!destination.verification) return <Status tone="quiet">not verified yet</Status>;
  return usable(destination.verification as unknown as Verification) ? (
    <Status tone="good"><span>works, proved <Time at={destination.verified_at} /></span></Status>
  ) : (
    <Status tone="bad">does not work</Status>
  );
}
