import { useParams, useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import type { FormEvent, KeyboardEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useGet, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { membersOf, parseExact, rawKeyText, rawText } from "@/log/exact";
import { useLogPages } from "@/log/read";
import type { TimelineEntry } from "@/log/shapes";
import { Button, LinkButton } from "@/ui/Button";
import { Field, Input } from "@/ui/Field";
import { Empty, Loaded, ProblemNote, Skeleton } from "@/ui/states";

import { Entry } from "./Entry";
import { LogNotes } from "./Notes";

/** One row of a sync, through all of its runs. */
export default function Timeline(): ReactElement {
  const { sync: id } = useParams({ from: "/w/$ws/syncs/$sync/rows" });
  const sync = useGet(`${W}/syncs/{sync_id}`, { path: { sync_id: id } });
  const found = sync.data?.id === id ? sync.data : undefined;
  return <Loaded page of={{ ...sync, data: found }}>{(data) => <Shown sync={data} />}</Loaded>;
}

function Shown({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const { key } = useSearch({ from: "/w/$ws/syncs/$sync/rows" });
  const places = usePlaces();
  const model = useGet(`${W}/models/{model_id}`, { path: { model_id: sync.model } });
  return (
    <Page title={key ? `Row ${textOf(key)}` : "Find a row"} above={{ label: sync.name, place: places.sync(sync.id) }} sentence={key ? `All that ${sync.name} did with this row, the newest first.` : "By the values of its primary key: what happened to it in every run, and where it is now."}>
      <Loaded of={model} rows={1}>{(found) => <KeyForm key={key ?? ""} sync={sync.id} columns={found.key} asked={key} />}</Loaded>
      {key !== undefined && <Entries key={key} sync={sync} rowKey={key} />}
    </Page>
  );
}

/** An address may have been written by hand. */
function textOf(key: string): string {
  try {
    return key.trimStart().startsWith("[") ? (parseExact(key, (path) => path.length === 1) as (string | null)[]).map(rawText).join(", ") : rawKeyText(key);
  } catch {
    return key;
  }
}

/** The values of a key in an address, an object of them or an array in the order of the model. */
export function keyValues(key: string, columns: string[]): Record<string, string> {
  try {
    if (key.trimStart().startsWith("[")) {
      const values = parseExact(key, (path) => path.length === 1) as (string | null)[];
      return Object.fromEntries(columns.map((column, at) => [column, rawText(values[at] ?? '""')]));
    }
    return Object.fromEntries(membersOf(key).map(([column, value]) => [column, rawText(value)]));
  } catch {
    return {};
  }
}

function KeyForm({ sync, columns, asked }: { sync: string; columns: string[]; asked: string | undefined }): ReactElement {
  const [values, setValues] = useState<Record<string, string>>(() => (asked ? keyValues(asked, columns) : {}));
  const places = usePlaces();
  const navigate = useNavigate();
  const lacking = columns.find((column) => !values[column]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The service reads a text as the type that the column has.
    if (!lacking) void navigate(places.timeline(sync, JSON.stringify(Object.fromEntries(columns.map((column) => [column, values[column] ?? ""])))));
  };
  return (
    <form onSubmit={submit} role="search" aria-label="A row by its key" className="flex flex-wrap items-end gap-3">
      {columns.map((column, at) => (
        <Field key={column} label={<span className="font-mono text-xs">{column}</span>} className="w-60">
          <Input mono autoComplete="off" autoFocus={!asked && at === 0} value={values[column] ?? ""} onChange={(event) => setValues({ ...values, [column]: event.target.value })} />
        </Field>
      ))}
      <Button type="submit" kind={asked ? "plain" : "primary"} icon={<Search className="size-4" aria-hidden />} refusal={lacking !== undefined && `Fill in ${lacking} first`}>Find</Button>
    </form>
  );
}

function Entries({ sync, rowKey }: { sync: Schemas["Sync"]; rowKey: string }): ReactElement {
  const places = usePlaces();
  const list = useLogPages<TimelineEntry>(`${W}/syncs/{sync_id}/timeline`, { path: { sync_id: sync.id }, query: { key: rowKey } }, { limit: 20 });
  const notes = <LogNotes expired={list.expired} damaged={list.damaged} incomplete={list.incomplete} />;
  const error = list.error ? <ProblemNote error={list.error} onRetry={() => (list.items.length > 0 ? list.fetchNextPage() : list.refetch())} /> : null;
  if (list.isPending) return error ?? <Skeleton rows={6} />;
  if (list.items.length === 0 && !list.more) {
    return (
      <div className="space-y-3">
        {error}
        {notes}
        <Empty title="The log has nothing about this row" action={<LinkButton {...places.sync(sync.id, "configuration")}>What the sync logs</LinkButton>}>No run planned it: it never changed since the log begins, the sync does not log rows, or no row has this key. A row that stays as it is appears in no run.</Empty>
      </div>
    );
  }
  return (
    <div className="space-y-3">
      {notes}
      <ol aria-label="What happened to the row, the newest first" onKeyDown={walk} className="relative space-y-4 border-l border-line pl-5 max-sm:pl-3">
        {list.items.map((entry, at) => (
          <li key={`${entry.run} ${entry.epoch} ${entry.element ?? ""} ${at}`} className="relative before:absolute before:top-4 before:-left-[1.54rem] before:size-2 before:rounded-full before:bg-line-strong max-sm:before:-left-[1.04rem]">
            <Entry row={entry} sync={sync} gotThrough={entry.got_through} open={at === 0} />
          </li>
        ))}
      </ol>
      {error}
      {list.more && <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>Show what was before</Button>}
    </div>
  );
}

/** j and k, or the arrows, from one to the next, as long as nothing else has the keys. */
function walk(event: KeyboardEvent<HTMLOListElement>): void {
  const step = event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
  const entries = [...event.currentTarget.querySelectorAll<HTMLElement>("article[tabindex]")];
  const at = entries.indexOf(event.target as HTMLElement);
  if (step === 0 || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  entries[at + step]?.focus();
}
