import { useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import { useWhole, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { rawKeyText } from "@/log/exact";
import { positionOf, positionText } from "@/log/place";
import { useLog } from "@/log/read";
import type { LogPage, RowAtPosition } from "@/log/shapes";
import { Button, LinkButton } from "@/ui/Button";
import { Section } from "@/ui/bits";
import { Field, Input, Select } from "@/ui/Field";
import { Empty, Loaded, Note } from "@/ui/states";

import { Entry } from "./Entry";
import { LogNotes } from "./Notes";

/** From a place in a stream to the row, and from a sync to its rows. */
export default function Find(): ReactElement {
  const { at, stream } = useSearch({ from: "/w/$ws/log" });
  const place = at === undefined ? undefined : positionOf(at);
  return (
    <Page title="Log" sentence="Every run keeps what became of each row, and each call that it made. Find a record of a stream here, or a row by its key.">
      <Section title="A record, by its place in the stream" about="As a consumer sees it. Paste both at once if you like, in any form.">
        <PlaceForm key={`${at} ${stream}`} at={at} stream={stream} />
        {at !== undefined && !place && <Note tone="bad" title="This is no place in a stream">A shard such as <code className="font-mono">shardId-000000000000</code> and a sequence number in digits are needed.</Note>}
        {place && <Found at={place} stream={stream} />}
      </Section>
      {!place && <BySync />}
    </Page>
  );
}

function PlaceForm({ at, stream }: { at: string | undefined; stream: string | undefined }): ReactElement {
  const asked = at === undefined ? undefined : positionOf(at);
  const [shard, setShard] = useState(asked?.shard ?? at ?? "");
  const [sequenceNumber, setSequenceNumber] = useState(asked?.sequenceNumber ?? "");
  const [name, setName] = useState(stream ?? "");
  const syncs = useWhole(`${W}/syncs`);
  const streams = [...new Set(syncs.data?.map((sync) => sync.stream) ?? [])].sort();
  const places = usePlaces();
  const navigate = useNavigate();
  /** Whichever field both were pasted into. */
  const take = (text: string, set: (text: string) => void) => {
    const both = positionOf(text);
    if (!both) return set(text.trim());
    setShard(both.shard);
    setSequenceNumber(both.sequenceNumber);
  };
  const wrong = sequenceNumber !== "" && !/^\d+$/.test(sequenceNumber) ? "A number in digits is expected." : undefined;
  const refusal = !shard ? "Fill in the shard first" : !sequenceNumber ? "Fill in the sequence number first" : wrong;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!refusal) void navigate(places.log({ at: positionText({ shard, sequenceNumber }), ...(name ? { stream: name } : {}) }));
  };
  return (
    <form onSubmit={submit} role="search" aria-label="A record by its place" className="flex flex-wrap items-end gap-3">
      <Field label="Shard" className="w-56"><Input mono autoComplete="off" placeholder="shardId-000000000000" value={shard} onChange={(event) => take(event.target.value, setShard)} /></Field>
      <Field label="Sequence number" className="w-[30rem] max-w-full" error={wrong}><Input mono autoComplete="off" inputMode="numeric" value={sequenceNumber} onChange={(event) => take(event.target.value, setSequenceNumber)} /></Field>
      {streams.length > 1 && (
        <Field label="Stream" className="w-48">
          <Select value={name} onChange={(event) => setName(event.target.value)}>
            <option value="">any</option>
            {streams.map((each) => <option key={each} value={each}>{each}</option>)}
          </Select>
        </Field>
      )}
      <Button type="submit" kind="primary" icon={<Search className="size-4" aria-hidden />} refusal={refusal}>Find</Button>
    </form>
  );
}

function Found({ at, stream }: { at: { shard: string; sequenceNumber: string }; stream: string | undefined }): ReactElement {
  const places = usePlaces();
  const found = useLog<LogPage<RowAtPosition>>(`${W}/positions`, { query: { shard: at.shard, sequence_number: at.sequenceNumber, stream } });
  return (
    <Loaded of={found} rows={4}>
      {(page) => (
        <div className="space-y-4">
          <LogNotes expired={page.expired} damaged={page.damaged} />
          {page.items.length === 0 && (
            <Empty title="No row of this workspace is known to be there">
              Another producer may have put it; it may be older than the log is kept; or its put was not answered, so that its place is unknown. In the last case its message has an <code className="font-mono">event.id</code>, and the key of its row leads to the timeline that has it.
            </Empty>
          )}
          {page.items.map((item) => (
            <div key={`${item.sync} ${item.row.run}`} className="space-y-2">
              <div className="flex flex-wrap items-center justify-between gap-2">
                <h3 className="font-medium">Row <span className="font-mono">{rawKeyText(item.row.key)}</span> of <Link {...places.sync(item.sync)} className="underline">{item.sync_name}</Link> <span className="font-normal text-muted">in {item.stream}</span></h3>
                {item.row.key !== null && <LinkButton small {...places.timeline(item.sync, item.row.key)}>Its timeline</LinkButton>}
              </div>
              <Entry row={item.row} sync={{ id: item.sync }} open />
            </div>
          ))}
        </div>
      )}
    </Loaded>
  );
}

function BySync(): ReactElement {
  const places = usePlaces();
  const syncs = useWhole(`${W}/syncs`);
  return (
    <Section title="A row, by its key" about="What happened to it in every run, with its values, its message, and where it landed. Choose its sync:">
      <Loaded of={syncs} rows={3}>
        {(all) => (all.length === 0 ? <Empty title="There is no sync yet" action={<LinkButton {...places.setup()}>Set one up</LinkButton>}>Once a sync has run, its rows can be found here.</Empty> : (
          <ul aria-label="Syncs" className="grid gap-2 sm:grid-cols-2 lg:grid-cols-3">
            {all.map((sync) => (
              <li key={sync.id} className="relative rounded-md border border-line bg-surface px-3 py-2 hover:bg-hover">
                <Link {...places.timeline(sync.id)} className="font-medium after:absolute after:inset-0">{sync.name}</Link>
                <p className="truncate font-mono text-xs text-muted">{sync.stream}</p>
              </li>
            ))}
          </ul>
        ))}
      </Loaded>
    </Section>
  );
}
