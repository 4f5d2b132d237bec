import { useSearch } from "@tanstack/react-router";
import { Download, X } from "lucide-react";
import type { ReactElement } from "react";
import { useId, useMemo, useState } from "react";

import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useWorkspaceId } from "@/app/workspace";
import { useLog } from "@/log/read";
import type { ErrorCode } from "@/log/shapes";
import { Button } from "@/ui/Button";
import { Field, Input, Select } from "@/ui/Field";
import { Menu, MenuItem, MenuLine } from "@/ui/Menu";

type Search = Record<string, string | undefined>;

/** The address of a run's tab as its filters. */
export function useFilters(run: string, tab: string): { search: Search; set: (change: Search, push?: boolean) => void } {
  const search: Search = useSearch({ from: "/w/$ws/runs/$run" });
  const places = usePlaces();
  const navigate = useNavigate();
  const set = (change: Search, push = false) => {
    const next = Object.fromEntries(Object.entries({ ...search, tab, ...change }).filter(([, value]) => value));
    void navigate({ ...places.run(run, next), replace: !push, resetScroll: false });
  };
  return { search, set };
}

/** Takes effect with Enter, when one leaves it, or when a proposal is chosen. */
export function TextFilter({ label, value, onChange, proposals, className, hint }: { label: string; value: string | undefined; onChange: (value: string) => void; proposals?: string[]; className?: string; hint?: string }): ReactElement {
  const list = useId();
  const [typed, setTyped] = useState<string>();
  const done = (text: string) => {
    setTyped(undefined);
    if (text !== (value ?? "")) onChange(text);
  };
  return (
    <Field label={label} className={className ?? "w-44"}>
      <Input
        mono
        list={proposals ? list : undefined}
        value={typed ?? value ?? ""}
        placeholder={hint}
        autoComplete="off"
        onChange={(event) => (proposals?.includes(event.target.value) ? done(event.target.value) : setTyped(event.target.value))}
        onBlur={(event) => typed !== undefined && done(event.target.value.trim())}
        onKeyDown={(event) => event.key === "Enter" && done(event.currentTarget.value.trim())}
      />
      {proposals && <datalist id={list}>{proposals.map((each) => <option key={each} value={each} />)}</datalist>}
    </Field>
  );
}

export function ChoiceFilter({ label, value, choices, onChange }: { label: string; value: string | undefined; choices: { value: string; label: string }[]; onChange: (value: string) => void }): ReactElement {
  return (
    <Field label={label} className="w-36">
      <Select value={value ?? ""} onChange={(event) => onChange(event.target.value)}>
        <option value="">all</option>
        {choices.map((each) => <option key={each.value} value={each.value}>{each.label}</option>)}
      </Select>
    </Field>
  );
}

export function ClearFilters({ names, search, set }: { names: string[]; search: Search; set: (change: Search) => void }): ReactElement | null {
  if (!names.some((name) => search[name])) return null;
  return <Button kind="quiet" icon={<X className="size-3.5" aria-hidden />} onClick={() => set(Object.fromEntries(names.map((name) => [name, undefined])))}>Clear filters</Button>;
}

/** The catalogue of codes, for proposals. */
export function useCodes(occurs: ErrorCode["occurs"][number][]): string[] {
  const codes = useLog<{ items: ErrorCode[] }>("/v1/error-codes", {});
  const wanted = occurs.join();
  return useMemo(() => codes.data?.items.filter((code) => code.occurs.some((each) => wanted.includes(each)) && !code.code.includes("*")).map((code) => code.code) ?? [], [codes.data, wanted]);
}

interface ExportProps {
  run: string;
  table: "rows" | "calls";
  /** What an export filters too. */
  query: { outcome?: string | undefined; code?: string | undefined };
}

/** The whole log of the run as a file, not only what is shown. */
export function Export({ run, table, query }: ExportProps): ReactElement {
  const ws = useWorkspaceId();
  const save = (format: string, values: boolean) => {
    const wanted = Object.entries({ table, format, ...query, ...(values ? { values: "true" } : {}) }).filter(([, value]) => value) as [string, string][];
    const link = document.createElement("a");
    link.href = `/v1/workspaces/${ws}/runs/${run}/log-export?${new URLSearchParams(wanted)}`;
    link.download = `${run}-${table}.${format}`;
    link.click();
  };
  const formats = [["csv", "CSV"], ["ndjson", "NDJSON"], ["parquet", "Parquet"]] as const;
  const filtered = Object.values(query).some(Boolean);
  return (
    <Menu trigger={<Button icon={<Download className="size-4" aria-hidden />}>Export</Button>}>
      <p className="max-w-64 px-2 py-1 text-xs text-muted">All {table} of the run{filtered ? ` with this ${[query.outcome && "outcome", query.code && "code"].filter(Boolean).join(" and ")}` : ""}. Other filters do not apply.</p>
      {formats.map(([format, label]) => <MenuItem key={format} onSelect={() => save(format, false)}>{label}</MenuItem>)}
      <MenuLine />
      {formats.map(([format, label]) => <MenuItem key={format} onSelect={() => save(format, true)}>{label}, with {table === "rows" ? "values and messages" : "bodies"}</MenuItem>)}
    </Menu>
  );
}
