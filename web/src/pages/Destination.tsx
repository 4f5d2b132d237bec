import { useParams } from "@tanstack/react-router";
import { Pause, Play, Trash2 } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGetVersioned, useJob, useWhole, W } from "@/api/hooks";
import type { StreamItem } from "@/api/jobs";
import { Page } from "@/app/Page";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Id, Section, Time } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Empty, Loaded, Note, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/Table";
import { failed, told } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import { DESTINATION_FIELDS, destinationBody, DestinationForm, destinationValue } from "./DestinationForm";
import { useVerify, Verify } from "./Verify";

export default function Destination(): ReactElement {
  const { destination: id } = useParams({ from: "/w/$ws/destinations/$destination" });
  const destination = useGetVersioned(`${W}/destinations/{destination_id}`, { path: { destination_id: id } });
  return <Loaded page of={destination}>{(found) => <Shown key={id} found={found} />}</Loaded>;
}

function Shown({ found }: { found: Versioned<Schemas["Destination"]> }): ReactElement {
  const destination = found.data;
  const path = { destination_id: destination.id };
  const places = usePlaces();
  const navigate = useNavigate();
  const verify = useVerify();
  const pause = useChange("post", `${W}/destinations/{destination_id}/pause`, [`${W}/destinations`]);
  const resume = useChange("post", `${W}/destinations/{destination_id}/resume`, [`${W}/destinations`]);
  const remove = useChange("delete", `${W}/destinations/{destination_id}`, [`${W}/destinations`]);
  const [deleting, setDeleting] = useState(false);
  const toggle = destination.paused ? resume : pause;
  return (
    <Page
      title={destination.name}
      above={{ label: "Destinations", place: places.destinations() }}
      sentence={<Id value={destination.id} />}
      actions={
        <>
          <Button needs="editor" busy={toggle.isPending} icon={destination.paused ? <Play className="size-4" aria-hidden /> : <Pause className="size-4" aria-hidden />} onClick={() => toggle.mutate({ path }, { onError: failed })}>{destination.paused ? "Resume" : "Pause"}</Button>
          <Button kind="danger" needs="editor" icon={<Trash2 className="size-4" aria-hidden />} onClick={() => setDeleting(true)}>Delete</Button>
        </>
      }
    >
      {destination.paused && <Note tone="warn" title="This destination is paused">No run of a sync to it starts until it is resumed.</Note>}
      <div className="grid gap-8 lg:grid-cols-2">
        <div className="min-w-0 space-y-8">
          <Section title="What was proved"><Verify destination={destination} verify={verify} /></Section>
          <Streams destination={destination.id} />
          <Used destination={destination.id} />
        </div>
        <Edit found={found} />
      </div>
      <Confirm open={deleting} onClose={() => setDeleting(false)} title={`Delete ${destination.name}?`} action="Delete destination" danger onConfirm={async () => {
        await remove.mutateAsync({ path, ...(found.etag ? { ifMatch: found.etag } : {}) });
        await navigate({ ...places.destinations(), ignoreBlocker: true });
      }}>
        The access is forgotten. Your streams are not touched. A destination that syncs use cannot be deleted.
      </Confirm>
    </Page>
  );
}

function Edit({ found }: { found: Versioned<Schemas["Destination"]> }): ReactElement {
  const form = useForm(destinationValue(found.data));
  const [base, setBase] = useState(found);
  if (base !== found && !form.dirty) {
    setBase(found);
    form.reset(destinationValue(found.data));
  }
  const update = useChange("put", `${W}/destinations/{destination_id}`, [`${W}/destinations`]);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ path: { destination_id: found.data.id }, body: destinationBody(value), ...(base.etag ? { ifMatch: base.etag } : {}) }));
    if (done) told("The destination is saved. Verify it again.");
  };
  return (
    <Section title="Access">
      <form onSubmit={(event) => void save(event)} className="space-y-4">
        <Unsaved dirty={form.dirty} />
        <DestinationForm value={form.value} set={form.set} faults={form.faults} kept={found.data.credentials} />
        <ProblemNote error={form.error} fields={(pointer) => DESTINATION_FIELDS.includes(pointer)} />
        <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={!form.dirty && "Nothing is changed"}>Save</Button>
      </form>
    </Section>
  );
}

function Streams({ destination }: { destination: string }): ReactElement {
  const streams = useJob<{ streams: StreamItem[] }, `${typeof W}/destinations/{destination_id}/streams`>(`${W}/destinations/{destination_id}/streams`);
  const list = <Button small needs="editor" busy={streams.isPending} onClick={() => streams.mutate({ path: { destination_id: destination } })}>{streams.data ? "List again" : "List the streams"}</Button>;
  return (
    <Section title="Streams" about="Those that it can see." actions={list}>
      {streams.error && <ProblemNote error={streams.error} />}
      {streams.data && (
        <Table
          label="Streams"
          rows={streams.data.streams}
          rowKey={(stream) => stream.arn}
          empty={<Empty title="There is no stream in this region">Make one in AWS, then list again.</Empty>}
          columns={[
            { name: "Stream", cell: (stream) => stream.name },
            { name: "ARN", cell: (stream) => <Id value={stream.arn} /> },
            { name: "Created", wide: true, right: true, cell: (stream) => <Time at={stream.created_at} /> },
          ]}
        />
      )}
    </Section>
  );
}

function Used({ destination }: { destination: string }): ReactElement {
  const places = usePlaces();
  const syncs = useWhole(`${W}/syncs`);
  const mine = syncs.data?.filter((sync) => sync.destination === destination) ?? [];
  return (
    <Section title="Syncs" about="What is sent to it.">
      {mine.length === 0 ? <Empty title="No sync sends to it yet" /> : <ul className="space-y-1">{mine.map((sync) => <li key={sync.id}><Link {...places.sync(sync.id)} className="font-medium hover:underline">{sync.name}</Link> <span className="text-muted">into {sync.stream}</span></li>)}</ul>}
    </Section>
  );
}
