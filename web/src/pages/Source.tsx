import { useParams } from "@tanstack/react-router";
import { Plus, Trash2 } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGetVersioned, useJob, useWhole, W } from "@/api/hooks";
import type { Catalog } from "@/api/jobs";
import { Page } from "@/app/Page";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useForm } from "@/lib/useForm";
import { Button, LinkButton } from "@/ui/Button";
import { Chip, Id, Section } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Empty, Loaded, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/Table";
import { told } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import { SOURCE_FIELDS, sourceBody, SourceForm, sourceValue } from "./SourceForm";
import { SourceVerdict, TestButton, useSourceTest } from "./SourceTest";

export default function Source(): ReactElement {
  const { source: id } = useParams({ from: "/w/$ws/sources/$source" });
  const source = useGetVersioned(`${W}/sources/{source_id}`, { path: { source_id: id } });
  return <Loaded page of={source}>{(found) => <Shown key={id} found={found} />}</Loaded>;
}

function Shown({ found }: { found: Versioned<Schemas["Source"]> }): ReactElement {
  const source = found.data;
  const places = usePlaces();
  const navigate = useNavigate();
  const test = useSourceTest();
  const remove = useChange("delete", `${W}/sources/{source_id}`, [`${W}/sources`]);
  const [deleting, setDeleting] = useState(false);
  return (
    <Page
      title={source.name}
      above={{ label: "Sources", place: places.sources() }}
      sentence={<Id value={source.id} />}
      actions={<><TestButton test={test} source={source.id} /><Button kind="danger" needs="editor" icon={<Trash2 className="size-4" aria-hidden />} onClick={() => setDeleting(true)}>Delete</Button></>}
    >
      <SourceVerdict test={test} />
      <div className="grid gap-8 lg:grid-cols-2">
        <Edit found={found} />
        <div className="min-w-0 space-y-8">
          <Used source={source.id} />
          <Tables source={source.id} />
        </div>
      </div>
      <Confirm open={deleting} onClose={() => setDeleting(false)} title={`Delete ${source.name}?`} action="Delete source" danger onConfirm={async () => {
        await remove.mutateAsync({ path: { source_id: source.id }, ...(found.etag ? { ifMatch: found.etag } : {}) });
        told(`${source.name} is deleted.`);
        await navigate({ ...places.sources(), ignoreBlocker: true });
      }}>
        The connection and its sealed password are deleted. Your database is not touched. A source that models use cannot be deleted.
      </Confirm>
    </Page>
  );
}

function Edit({ found }: { found: Versioned<Schemas["Source"]> }): ReactElement {
  const form = useForm(sourceValue(found.data));
  // The ETag of what the form was filled with: whoever changed it meanwhile is not overwritten.
  const [etag, setEtag] = useState(found.etag);
  const update = useChange("put", `${W}/sources/{source_id}`, [`${W}/sources`]);
  const [seen, setSeen] = useState(found);
  if (seen !== found && !form.dirty) {
    setSeen(found);
    setEtag(found.etag);
    form.reset(sourceValue(found.data));
  }
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ path: { source_id: found.data.id }, body: sourceBody(value), ...(etag ? { ifMatch: etag } : {}) }));
    if (done) told("The source is saved. Test the connection.");
  };
  return (
    <Section title="Connection">
      <form onSubmit={(event) => void save(event)} className="space-y-4">
        <Unsaved dirty={form.dirty} />
        <SourceForm value={form.value} set={form.set} faults={form.faults} kept={found.data.postgres.password} />
        <ProblemNote error={form.error} fields={(pointer) => SOURCE_FIELDS.includes(pointer)} />
        <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={!form.dirty && "Nothing is changed"}>Save</Button>
      </form>
    </Section>
  );
}

function Used({ source }: { source: string }): ReactElement {
  const places = usePlaces();
  const models = useWhole(`${W}/models`);
  return (
    <Section title="Models" about="What is read from it." actions={<LinkButton {...places.newModel({ source })} small needs="editor" icon={<Plus className="size-3.5" aria-hidden />}>New model</LinkButton>}>
      <Loaded of={models} rows={2}>
        {(all) => {
          const mine = all.filter((model) => model.source === source);
          if (mine.length === 0) return <Empty title="No model reads from it yet" />;
          return <ul className="space-y-1">{mine.map((model) => <li key={model.id}><Link {...places.model(model.id)} className="font-medium hover:underline">{model.name}</Link> <span className="text-muted">by its key <code className="font-mono text-xs">{model.key.join(", ")}</code></span></li>)}</ul>;
        }}
      </Loaded>
    </Section>
  );
}

function Tables({ source }: { source: string }): ReactElement {
  const tables = useJob<Catalog, `${typeof W}/sources/{source_id}/tables`>(`${W}/sources/{source_id}/tables`);
  const rows = tables.data?.schemas.flatMap((schema) => schema.tables.map((table) => ({ ...table, schema: schema.name }))) ?? [];
  const list = <Button small needs="editor" busy={tables.isPending} onClick={() => tables.mutate({ path: { source_id: source } })}>{tables.data ? "List again" : "List the tables"}</Button>;
  return (
    <Section title="Tables" about="What its user may read." actions={list}>
      {tables.error && <ProblemNote error={tables.error} />}
      {tables.data && (
        <Table
          label="Tables"
          rows={rows}
          rowKey={(table) => `${table.schema}.${table.name}`}
          empty={<Empty title="The user may read no table">Grant select on what should be sent.</Empty>}
          columns={[
            { name: "Table", cell: (table) => <span className="font-mono text-xs">{table.schema === "public" ? "" : `${table.schema}.`}{table.name}</span> },
            { name: "Columns", cell: (table) => <span className="flex flex-wrap gap-1">{table.columns.slice(0, 12).map((column) => <Chip key={column.name} className={column.key ? "border-line-strong text-ink" : ""}>{column.name}</Chip>)}{table.columns.length > 12 && <Chip>and {table.columns.length - 12} more</Chip>}</span> },
          ]}
        />
      )}
    </Section>
  );
}
