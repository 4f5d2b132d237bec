import { useParams } from "@tanstack/react-router";
import { Plus, Trash2 } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGetVersioned, useWhole, W } from "@/api/hooks";
import { Page } from "@/app/Page";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted } from "@/lib/format";
import { useForm } from "@/lib/useForm";
import { Button, LinkButton } from "@/ui/Button";
import { Id, Section } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Empty, Loaded, Note, ProblemNote } from "@/ui/states";
import { told } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import type { ModelValue } from "./ModelEditor";
import { MODEL_FIELDS, ModelEditor } from "./ModelEditor";

export default function Model(): ReactElement {
  const { model: id } = useParams({ from: "/w/$ws/models/$model" });
  const model = useGetVersioned(`${W}/models/{model_id}`, { path: { model_id: id } });
  return <Loaded page of={model}>{(found) => <Shown key={id} found={found} />}</Loaded>;
}

function valueOf({ name, source, query, key, connections }: Schemas["Model"]): ModelValue {
  return { name, source, query, key, connections };
}

/** Whether the next run of its syncs asks before it sends. */
const asks = (value: ModelValue, saved: ModelValue): boolean => value.query !== saved.query || value.key.join("\n") !== saved.key.join("\n");

function Shown({ found }: { found: Versioned<Schemas["Model"]> }): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const form = useForm(valueOf(found.data));
  const [base, setBase] = useState(found);
  if (base !== found && !form.dirty) {
    setBase(found);
    form.reset(valueOf(found.data));
  }
  const update = useChange("put", `${W}/models/{model_id}`, [`${W}/models`, `${W}/syncs`]);
  const remove = useChange("delete", `${W}/models/{model_id}`, [`${W}/models`]);
  const [deleting, setDeleting] = useState(false);
  const syncs = useWhole(`${W}/syncs`);
  const mine = syncs.data?.filter((sync) => sync.model === found.data.id) ?? [];
  const match = base.etag ? { ifMatch: base.etag } : {};
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ path: { model_id: found.data.id }, body: value, ...match }));
    if (done) told("The model is saved.");
  };
  return (
    <Page
      title={found.data.name}
      above={{ label: "Models", place: places.models() }}
      sentence={<Id value={found.data.id} />}
      actions={
        <>
          <LinkButton {...places.newSync({ model: found.data.id })} needs="editor" icon={<Plus className="size-4" aria-hidden />}>New sync of it</LinkButton>
          <Button kind="danger" needs="editor" icon={<Trash2 className="size-4" aria-hidden />} onClick={() => setDeleting(true)}>Delete</Button>
        </>
      }
    >
      <form onSubmit={(event) => void save(event)} className="space-y-5">
        <Unsaved dirty={form.dirty} />
        <ModelEditor value={form.value} set={form.set} faults={form.faults} fixedSource />
        {asks(form.value, base.data) && mine.length > 0 && <Note tone="warn">{counted(mine.length, "sync")} will ask before the next run sends: a changed query or key raises the question what to do with rows that were sent before.</Note>}
        <ProblemNote error={form.error} fields={(pointer) => MODEL_FIELDS.includes(pointer)} />
        <div className="flex gap-2">
          <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={!form.dirty ? "Nothing is changed" : form.value.key.length === 0 && "Choose the primary key"}>Save</Button>
          {form.dirty && <Button kind="quiet" onClick={() => form.reset(valueOf(found.data))}>Undo the changes</Button>}
        </div>
      </form>
      <Section title="Syncs" about="Where its rows go.">
        {mine.length === 0 ? <Empty title="No sync sends it yet" /> : <ul className="space-y-1">{mine.map((sync) => <li key={sync.id}><Link {...places.sync(sync.id)} className="font-medium hover:underline">{sync.name}</Link> <span className="text-muted">to {sync.stream}</span></li>)}</ul>}
      </Section>
      <Confirm open={deleting} onClose={() => setDeleting(false)} title={`Delete ${found.data.name}?`} action="Delete model" danger onConfirm={async () => {
        await remove.mutateAsync({ path: { model_id: found.data.id }, ...(found.etag ? { ifMatch: found.etag } : {}) });
        await navigate({ ...places.models(), ignoreBlocker: true });
      }}>
        The query is deleted. Your database is not touched. A model that syncs use cannot be deleted.
      </Confirm>
    </Page>
  );
}
