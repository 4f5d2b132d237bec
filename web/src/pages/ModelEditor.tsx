import { Play } from "lucide-react";
import type { ReactElement } from "react";
import { useEffect, useMemo, useState } from "react";

import { useJob, useWhole, W } from "@/api/hooks";
import type { Catalog, KeyCheck, QueryResult } from "@/api/jobs";
import type { Faults } from "@/api/problem";
import { Editor } from "@/editor/Editor";
import type { Mistake } from "@/editor/mistakes";
import { counted } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Kbd } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Field, Input, Select } from "@/ui/Field";
import { Note, ProblemNote } from "@/ui/states";

import { Rows } from "./Rows";
import { guessedKey, schemaOf, sqlMistake } from "./sql";

export interface ModelValue {
  name: string;
  source: string;
  query: string;
  key: string[];
  connections: number;
}

export const MODEL_FIELDS = ["/name", "/source", "/query", "/key", "/connections"];

interface Props {
  value: ModelValue;
  set: (change: Partial<ModelValue>) => void;
  faults: Faults;
  /** The source cannot be another one any more. */
  fixedSource?: boolean;
}

type TryQuery = `${typeof W}/sources/{source_id}/query`;
type ListTables = `${typeof W}/sources/{source_id}/tables`;

/** The query, its first rows, and its key with what these rows say of it. */
export function ModelEditor({ value, set, faults, fixedSource }: Props): ReactElement {
  const sources = useWhole(`${W}/sources`);
  const run = useJob<QueryResult, TryQuery>(`${W}/sources/{source_id}/query`);
  const tables = useJob<Catalog, ListTables>(`${W}/sources/{source_id}/tables`);
  const [ran, setRan] = useState({ query: "", source: "" });
  const list = tables.mutate;
  useEffect(() => {
    if (value.source) list({ path: { source_id: value.source } });
  }, [value.source, list]);
  const names = useMemo(() => ({ tables: tables.data ? schemaOf(tables.data) : {} }), [tables.data]);
  const catalog = tables.data;

  const preview = async (key = value.key) => {
    if (!value.source || !value.query.trim()) return;
    setRan({ query: value.query, source: value.source });
    const body = { query: value.query, rows: 50, ...(key.length > 0 ? { key } : {}) };
    const found = await run.mutateAsync({ path: { source_id: value.source }, body }).catch(() => undefined);
    if (!found || key.length > 0) return;
    const guess = guessedKey(found.columns.map((column) => column.name), value.query, catalog);
    if (guess.length > 0) {
      set({ key: guess });
      await run.mutateAsync({ path: { source_id: value.source }, body: { ...body, key: guess } }).catch(() => undefined);
    }
  };
  const pick = (column: string) => {
    const key = value.key.includes(column) ? value.key.filter((each) => each !== column) : [...value.key, column];
    set({ key });
    if (key.length > 0) void preview(key);
  };

  const stale = ran.query !== value.query || ran.source !== value.source;
  const mistakes = useMemo<Mistake[]>(() => {
    const found = !stale && run.error ? sqlMistake(run.error.message, value.query) : undefined;
    return found ? [found] : [];
  }, [stale, run.error, value.query]);
  return (
    <div className="space-y-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Name" error={faults["/name"]}>
          <Input value={value.name} onChange={(event) => set({ name: event.target.value })} required maxLength={100} />
        </Field>
        <Field label="Source" error={faults["/source"]}>
          <Select value={value.source} onChange={(event) => set({ source: event.target.value })} disabled={fixedSource} required>
            <option value="" disabled>Choose a source</option>
            {sources.data?.map((source) => <option key={source.id} value={source.id}>{source.name}</option>)}
          </Select>
        </Field>
      </div>
      <Field label="Query" error={faults["/query"]} hint="One statement that returns rows. What changes at every run, such as now(), would send every row every time.">
        <Editor label="Query" language="sql" value={value.query} onChange={(query) => set({ query })} names={names} mistakes={mistakes} onSubmit={() => void preview()} minLines={7} />
      </Field>
      <div className="flex flex-wrap items-center gap-3">
        <Button needs="editor" icon={<Play className="size-3.5" aria-hidden />} busy={run.isPending} refusal={!value.source ? "Choose a source first" : !value.query.trim() && "Write a query first"} onClick={() => void preview()}>
          Run the query
        </Button>
        <span className="text-xs text-muted max-md:hidden"><Kbd>Ctrl</Kbd> <Kbd>Enter</Kbd> in the editor</span>
        {run.data && !run.isPending && <span className="text-xs text-muted">{run.data.cut ? `The first ${counted(run.data.rows.length, "row")}` : counted(run.data.rows.length, "row")}{stale && ", of the query before your last change"}</span>}
      </div>
      {run.error && <ProblemNote error={run.error} />}
      {run.data && (
        <>
          <KeyPicker columns={run.data.columns.map((column) => column.name)} chosen={value.key} onPick={pick} check={run.data.key_check} error={faults["/key"]} />
          <Rows columns={run.data.columns} rows={run.data.rows} keys={value.key} />
        </>
      )}
      {!run.data && value.key.length > 0 && <p className="text-[13px] text-muted">Primary key: <span className="font-mono text-ink">{value.key.join(", ")}</span>. Run the query to choose another.</p>}
      {!run.data && faults["/key"] && <Note tone="bad">{faults["/key"]} Run the query, then choose the key among its columns.</Note>}
      <Field label="Connections" error={faults["/connections"]} hint="Where the database has processors to spare, a run reads a large model faster through several at once, up to 16. Each runs the whole query, which must have the same rows with the same keys each time: no random(), no limit that leaves open which rows it takes. A row that none of them has counts as removed.">
        <Input type="number" min={1} max={16} step={1} required className="w-24" value={value.connections || ""} onChange={(event) => set({ connections: Number(event.target.value) })} />
      </Field>
    </div>
  );
}

interface PickerProps {
  columns: string[];
  chosen: string[];
  onPick: (column: string) => void;
  check: KeyCheck | null;
  error: string | undefined;
}

function KeyPicker({ columns, chosen, onPick, check, error }: PickerProps): ReactElement {
  const bad = check !== null && (check.null_rows > 0 || check.duplicate_keys > 0);
  return (
    <fieldset className="space-y-2">
      <legend className="text-[13px] font-medium">Primary key</legend>
      <p className="text-xs text-muted">The columns that tell rows apart. No row may have a null in them, and no two rows the same values.</p>
      <div className="flex flex-wrap gap-1.5">
        {columns.map((column) => (
          <button key={column} type="button" aria-pressed={chosen.includes(column)} onClick={() => onPick(column)} className={cx("h-7 rounded-md border px-2 font-mono text-xs", chosen.includes(column) ? "border-accent bg-accent-soft font-medium text-ink" : "border-line text-muted hover:bg-hover")}>
            {chosen.length > 1 && chosen.includes(column) ? `${chosen.indexOf(column) + 1}. ` : ""}{column}
          </button>
        ))}
      </div>
      {error && <p role="alert" className="text-xs text-bad">{error}</p>}
      {chosen.length === 0 && <Note tone="warn">Choose at least one column.</Note>}
      {chosen.length > 0 && check && (
        <Note tone={bad ? "bad" : "good"} title={check.finding}>
          {check.null_example && <p>A row with a null: <code className="font-mono">{check.null_example.map((value) => JSON.stringify(value)).join(", ")}</code></p>}
          {check.duplicate_example && <p>A key of several rows: <code className="font-mono">{check.duplicate_example.map((value) => JSON.stringify(value)).join(", ")}</code></p>}
        </Note>
      )}
    </fieldset>
  );
}
