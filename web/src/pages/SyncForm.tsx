import type { ReactElement } from "react";
import { useEffect, useMemo } from "react";

import { useJob, useWhole, W } from "@/api/hooks";
import type { QueryResult, StreamItem } from "@/api/jobs";
import type { Faults } from "@/api/problem";
import type { Mistake } from "@/editor/mistakes";
import { Section } from "@/ui/bits";
import { Check, Choices, Field, Input, Select } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

import { FirstRun } from "./FirstRun";
import { LogField } from "./LogField";
import { MessageField } from "./MessageField";
import { RowsField } from "./RowsField";
import { ScheduleField } from "./ScheduleField";
import { Spread } from "./Spread";
import type { SyncValue } from "./syncValue";

export interface SyncFormProps {
  value: SyncValue;
  set: (change: Partial<SyncValue>) => void;
  faults: Faults;
  sample: QueryResult | undefined;
  dirty: boolean;
  /** What the service says of the message as it is written now. */
  mistakes?: Mistake[];
  /** Of the sync that is edited, if it exists. */
  next?: string[] | undefined;
  firstRunDone?: boolean;
  newestRun?: string | undefined;
}

/** The first rows of the model, with the types of its columns. */
export function useSample(model: string) {
  const job = useJob<QueryResult, `${typeof W}/models/{model_id}/preview`>(`${W}/models/{model_id}/preview`);
  const ask = job.mutate;
  useEffect(() => {
    if (model) ask({ path: { model_id: model }, body: { rows: 100, sample: true } });
  }, [model, ask]);
  return job;
}

export function SyncForm({ value, set, faults, sample, dirty, mistakes, next, firstRunDone, newestRun }: SyncFormProps): ReactElement {
  const columns = sample?.columns;
  return (
    <div className="space-y-8">
      <Ends value={value} set={set} faults={faults} />
      <MessageField value={value} set={set} faults={faults} columns={columns} found={mistakes} />
      <Section title="Keys of the records" about="They decide which shard a record goes to. Records of one key stay in order.">
        <ExpressionField label="Partition key" value={value.partition} faults={faults} at="/partition_key" columns={columns?.map((column) => column.name)} onChange={(partition) => set({ partition })} hint="Best the primary key: then the versions of a row stay in order, and rows spread evenly." />
        {value.partition.way === "column" && value.partition.text && sample && <Spread destination={value.destination} stream={value.stream} column={value.partition.text} sample={sample} />}
        <details open={value.hash.way !== "none"}>
          <summary className="text-[13px] text-muted">Explicit hash key</summary>
          <div className="mt-2 space-y-2">
            <Check label="Choose the place in the stream by a number of our own, instead of the hash of the partition key" checked={value.hash.way !== "none"} onChange={(event) => set({ hash: { way: event.target.checked ? "column" : "none", text: "" } })} />
            {value.hash.way !== "none" && <ExpressionField label="Hash key" value={value.hash as SyncValue["partition"]} faults={faults} at="/hash_key" columns={columns?.map((column) => column.name)} onChange={(hash) => set({ hash })} hint="A decimal number from 0 to 2^128 − 1." />}
          </div>
        </details>
      </Section>
      <Section title="What is sent">
        <fieldset className="space-y-2">
          <legend className="mb-1 text-[13px] font-medium">Changes that are sent</legend>
          <Check label="Added rows" checked={value.triggers.added} onChange={(event) => set({ triggers: { ...value.triggers, added: event.target.checked } })} />
          <Check label="Changed rows" checked={value.triggers.changed} onChange={(event) => set({ triggers: { ...value.triggers, changed: event.target.checked } })} />
          <Check label="Removed rows" hint="With the values that were sent last, if these are kept." checked={value.triggers.removed} onChange={(event) => set({ triggers: { ...value.triggers, removed: event.target.checked } })} />
        </fieldset>
        <Watched value={value} set={set} faults={faults} columns={columns?.map((column) => column.name)} />
        <FirstRun value={value} set={set} sample={sample} done={firstRunDone ?? false} />
      </Section>
      <Section title="Schedule">
        <ScheduleField value={value.schedule} faults={faults} saved={dirty ? undefined : next} onChange={(schedule) => set({ schedule })} />
      </Section>
      <details open={value.fanOut !== "" || value.missing !== "error" || Object.keys(value.numbers).length > 0 || Object.keys(faults).some((pointer) => /^\/(fan_out|missing|numbers)/.test(pointer))}>
        <summary className="text-[15px] font-semibold">Arrays, missing names and numbers</summary>
        <div className="mt-3"><RowsField value={value} set={set} faults={faults} columns={columns} /></div>
      </details>
      <details open={value.aggregate || Object.keys(faults).some((pointer) => /^\/(guards|limits|values|aggregate)/.test(pointer))}>
        <summary className="text-[15px] font-semibold">Aggregation, guards, limits and kept values</summary>
        <Careful value={value} set={set} faults={faults} />
      </details>
      <details open={Object.keys(faults).some((pointer) => pointer.startsWith("/log"))}>
        <summary className="text-[15px] font-semibold">Debug log</summary>
        <LogField value={value.log} onChange={(log) => set({ log })} faults={faults} newestRun={newestRun} />
      </details>
    </div>
  );
}

type Part = Pick<SyncFormProps, "value" | "set" | "faults">;

function Ends({ value, set, faults }: Part): ReactElement {
  const models = useWhole(`${W}/models`);
  const destinations = useWhole(`${W}/destinations`);
  const streams = useJob<{ streams: StreamItem[] }, `${typeof W}/destinations/{destination_id}/streams`>(`${W}/destinations/{destination_id}/streams`);
  const list = streams.mutate;
  useEffect(() => {
    if (value.destination) list({ path: { destination_id: value.destination } });
  }, [value.destination, list]);
  const known = streams.data?.streams.map((stream) => stream.name) ?? [];
  const unknown = value.stream !== "" && streams.data !== undefined && !known.includes(value.stream);
  return (
    <Section title="From and to">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Name" className="sm:col-span-2" error={faults["/name"]}><Input required maxLength={100} value={value.name} onChange={(event) => set({ name: event.target.value })} /></Field>
        <Field label="Model" className="sm:col-span-2" error={faults["/model"]}>
          <Select required value={value.model} onChange={(event) => set({ model: event.target.value })}>
            <option value="" disabled>Choose a model</option>
            {models.data?.map((model) => <option key={model.id} value={model.id}>{model.name}</option>)}
          </Select>
        </Field>
        <Field label="Destination" error={faults["/destination"]}>
          <Select required value={value.destination} onChange={(event) => set({ destination: event.target.value })}>
            <option value="" disabled>Choose a destination</option>
            {destinations.data?.map((destination) => <option key={destination.id} value={destination.id}>{destination.name} ({destination.region})</option>)}
          </Select>
        </Field>
        <Field label="Stream" error={faults["/stream"]} hint={unknown ? "It is not among those that the destination can see." : streams.isPending ? <span aria-busy="true">Listing the streams …</span> : known.length > 0 ? `${known.length} to choose from; type to search.` : undefined}>
          <Input required list="streams" value={value.stream} onChange={(event) => set({ stream: event.target.value.trim() })} autoComplete="off" />
          <datalist id="streams">{known.map((name) => <option key={name} value={name} />)}</datalist>
        </Field>
      </div>
      {streams.error && <ProblemNote error={streams.error} onRetry={() => list({ path: { destination_id: value.destination } })} />}
    </Section>
  );
}

interface ExpressionProps {
  label: string;
  hint: string;
  at: string;
  value: SyncValue["partition"];
  faults: Faults;
  columns: string[] | undefined;
  onChange: (value: SyncValue["partition"]) => void;
}

function ExpressionField({ label, hint, at, value, faults, columns, onChange }: ExpressionProps): ReactElement {
  const error = Object.entries(faults).filter(([pointer]) => pointer.startsWith(at)).map(([, text]) => text).join(" ") || undefined;
  return (
    <div className="grid gap-2 sm:grid-cols-[9rem_1fr]">
      <Field label={label}>
        <Select value={value.way} onChange={(event) => onChange({ way: event.target.value as "column" | "template", text: "" })}>
          <option value="column">a column</option>
          <option value="template">a template</option>
        </Select>
      </Field>
      <Field label={value.way === "column" ? "Column" : "Template"} hint={hint} error={error}>
        {value.way === "column" ? (
          <Select required value={value.text} onChange={(event) => onChange({ ...value, text: event.target.value })}>
            <option value="" disabled>Choose a column</option>
            {value.text && !columns?.includes(value.text) && <option>{value.text}</option>}
            {columns?.map((column) => <option key={column}>{column}</option>)}
          </Select>
        ) : (
          <Input mono required value={value.text} onChange={(event) => onChange({ ...value, text: event.target.value })} placeholder="{{ row.country }}-{{ row.id }}" />
        )}
      </Field>
    </div>
  );
}

function Watched({ value, set, faults, columns }: Part & { columns: string[] | undefined }): ReactElement {
  const used = useMemo(() => columns ?? value.watch.columns, [columns, value.watch.columns]);
  return (
    <div className="space-y-2">
      <Choices
        legend="A row counts as changed when"
        inline
        value={value.watch.way}
        onChange={(way) => set({ watch: { ...value.watch, way } })}
        choices={[
          { value: "used", label: "a column that the message uses changes" },
          { value: "all", label: "any column changes" },
          { value: "columns", label: "one of these columns changes" },
        ]}
      />
      {value.watch.way === "columns" && (
        <div className="flex flex-wrap gap-3">
          {used.map((column) => (
            <Check key={column} label={<span className="font-mono text-xs">{column}</span>} checked={value.watch.columns.includes(column)} onChange={(event) => set({ watch: { way: "columns", columns: event.target.checked ? [...value.watch.columns, column] : value.watch.columns.filter((each) => each !== column) } })} />
          ))}
        </div>
      )}
      {faults["/watch"] && <p role="alert" className="text-xs text-bad">{faults["/watch"]}</p>}
    </div>
  );
}

function Careful({ value, set, faults }: Part): ReactElement {
  const amount = (group: "guards" | "limits", name: string) => ({
    type: "number",
    min: 0,
    value: String((value[group] as Record<string, number>)[name]),
    onChange: (event: { target: { value: string } }) => set({ [group]: { ...value[group], [name]: Number(event.target.value) } }),
  });
  return (
    <div className="mt-3 space-y-5">
      <Check
        label="Aggregate: put several messages into one record (KPL format, up to 25 KiB)"
        hint="More than 1,000 messages a second fit into a shard, and small ones cost less. Every consumer has to take records apart: the Kinesis Client Library (KCL) and Firehose do; a Lambda function needs a de-aggregation library; whoever calls GetRecords sees binary data. Only messages that surely belong to one shard share a record. Turning it on or off sends nothing again."
        checked={value.aggregate}
        onChange={(event) => set({ aggregate: event.target.checked })}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Ask before removing more than (rows)" error={faults["/guards/removed_more_than"]}><Input {...amount("guards", "removed_more_than")} /></Field>
        <Field label="and more than (percent)" error={faults["/guards/removed_percent"]} hint="Above both, a person has to agree before anything is sent."><Input {...amount("guards", "removed_percent")} max={100} step="any" /></Field>
      </div>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label="Bytes of a record" error={faults["/limits/record_bytes"]} hint="Data and partition key, at most."><Input {...amount("limits", "record_bytes")} /></Field>
        <Field label="Bytes of a call" error={faults["/limits/call_bytes"]}><Input {...amount("limits", "call_bytes")} /></Field>
        <Field label="Records of a call" error={faults["/limits/call_records"]}><Input {...amount("limits", "call_records")} max={500} /></Field>
      </div>
      <Choices
        legend="What is kept of the rows that were sent"
        inline
        value={value.values}
        onChange={(values) => set({ values })}
        choices={[
          { value: "used", label: "The values that the message uses", hint: "For previous values, and for what a removal tells." },
          { value: "hashes-only", label: "Hashes only", hint: "No previous values; a removal carries the key alone." },
        ]}
      />
    </div>
  );
}
