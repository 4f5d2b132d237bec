import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useGet } from "@/api/hooks";
import type { Column } from "@/api/jobs";
import { Button } from "@/ui/Button";
import { CodeBlock } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Dialog } from "@/ui/Dialog";
import { Check } from "@/ui/Field";
import { Loaded, Note } from "@/ui/states";

import type { SyncValue } from "./syncValue";

type Preset = Schemas["Preset"];

interface Props {
  open: boolean;
  onClose: () => void;
  columns: Column[] | undefined;
  /** Something is there already, and would be replaced. */
  written: boolean;
  onUse: (change: Partial<SyncValue>) => void;
}

/** Ready messages in the shapes of other products, with the columns that each of them reads. */
export function PresetPicker({ open, onClose, columns, written, onUse }: Props): ReactElement {
  const presets = useGet("/v1/presets", {}, { enabled: open, staleTime: 300_000 });
  const [chosen, setChosen] = useState<string>();
  return (
    <Dialog open={open} onClose={onClose} title="Start from a preset" wide>
      <Loaded of={presets}>
        {({ items }) => {
          const preset = items.find((each) => each.id === chosen) ?? items[0];
          return (
            <div className="space-y-4">
              <div role="group" aria-label="Presets" className="grid gap-1.5 sm:grid-cols-2">
                {items.map((each) => (
                  <button key={each.id} type="button" aria-pressed={each === preset} onClick={() => setChosen(each.id)} className={cx("rounded-md border px-3 py-2 text-left text-[13px] font-medium", each === preset ? "border-accent bg-accent-soft" : "border-line hover:bg-hover")}>
                    {each.title}
                  </button>
                ))}
              </div>
              {preset && <Shown key={preset.id} preset={preset} columns={columns} written={written} onUse={(change) => (onUse(change), onClose())} />}
            </div>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

function Shown({ preset, columns, written, onUse }: { preset: Preset; columns: Column[] | undefined; written: boolean; onUse: Props["onUse"] }): ReactElement {
  const [on, setOn] = useState<string[]>([]);
  const message = preset.messages.find(({ options }) => options.length === on.length && options.every((option) => on.includes(option)));
  const lacking = columns ? preset.columns.filter((column) => !columns.some(({ name }) => name === column.name)) : [];
  const toggle = (option: string, wanted: boolean) => setOn(wanted ? [...on, option] : on.filter((each) => each !== option));
  return (
    <div className="space-y-3">
      <p className="text-[13px] text-muted">{withCode(preset.description)}</p>
      {preset.options.map((option) => <Check key={option.id} label={option.title} hint={option.description} checked={on.includes(option.id)} onChange={(event) => toggle(option.id, event.target.checked)} />)}
      <details open={lacking.length > 0}>
        <summary className="text-[13px]">What it reads: {preset.columns.length === 1 ? "1 column" : `${preset.columns.length} columns`}{preset.other_columns && ", and all others"}</summary>
        <ul className="mt-1 space-y-1 text-xs">
          {preset.columns.map((column) => (
            <li key={column.name}>
              <code className="font-mono font-medium">{column.name}</code> <span className="text-muted">{column.source_type}. {withCode(column.holds)}</span>
              {lacking.includes(column) && <span className="text-bad"> The model has no such column.</span>}
            </li>
          ))}
        </ul>
      </details>
      {lacking.length > 0 && <Note tone="warn">Name the columns of the model so, with <code className="font-mono">as</code> in its query, or change the names in the message.</Note>}
      {message ? <CodeBlock label="Message of the preset" text={message.json} className="max-h-60 overflow-y-auto" /> : <Note>These options do not go together.</Note>}
      <p className="text-xs text-muted">It sets the message{preset.fan_out_column && ", one for each element of an array"}, the partition key, and which changes are sent.{written && " What is written now is replaced."}</p>
      <div className="flex justify-end">
        <Button kind="primary" refusal={!message && "Choose other options"} onClick={() => message && onUse(changeOf(preset, message.json))}>Use it</Button>
      </div>
    </div>
  );
}

export function changeOf(preset: Preset, json: string): Partial<SyncValue> {
  const key = preset.partition_key as { column?: string; template?: string };
  return {
    way: "json",
    json,
    partition: key.column === undefined ? { way: "template", text: key.template ?? "" } : { way: "column", text: key.column },
    triggers: preset.triggers,
    fanOut: preset.fan_out_column ?? "",
  };
}

/** Names in backticks, as code. */
function withCode(text: string): ReactElement[] {
  return text.split("`").map((part, at) => (at % 2 ? <code key={at} className="font-mono">{part}</code> : <span key={at}>{part}</span>));
}
