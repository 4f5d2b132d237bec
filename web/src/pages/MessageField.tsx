import type { ReactElement } from "react";
import { useEffect, useMemo, useRef, useState } from "react";

import type { Column } from "@/api/jobs";
import type { Faults } from "@/api/problem";
import { placeOf } from "@/api/problem";
import { Editor } from "@/editor/Editor";
import type { Mistake } from "@/editor/mistakes";
import { holeOf, mistakesIn, OTHER_NAMES, startingMessage, usedColumns } from "@/lib/holes";
import { Button } from "@/ui/Button";
import { Chip, Section } from "@/ui/bits";
import { Field, Segments, Select } from "@/ui/Field";

import { FieldMapper } from "./FieldMapper";
import { PresetPicker } from "./PresetPicker";
import type { SyncValue } from "./syncValue";

interface Props {
  value: SyncValue;
  set: (change: Partial<SyncValue>) => void;
  faults: Faults;
  columns: Column[] | undefined;
  /** What the service says of the text as it is now. */
  found?: Mistake[] | undefined;
}

export function MessageField({ value, set, faults, columns, found }: Props): ReactElement {
  const names = useMemo(() => columns?.map((column) => column.name), [columns]);
  // A message with all columns to begin with; what somebody wrote is never replaced.
  const begun = useRef(value.json !== "");
  useEffect(() => {
    if (begun.current || !names) return;
    begun.current = true;
    set({ json: startingMessage(names) });
  }, [names, set]);
  const [picking, setPicking] = useState(false);
  const used = value.way === "json" ? usedColumns(value.json) : [];
  return (
    <Section title="Message" about="The body of each record." actions={<Button small onClick={() => setPicking(true)}>Start from a preset</Button>}>
      <Segments label="How the message is made" value={value.way} onChange={(way) => set({ way })} choices={[{ value: "json", label: "JSON with holes" }, { value: "fields", label: "Field by field" }, { value: "all", label: "All columns" }, { value: "column", label: "A JSON column" }]} />
      {value.way === "json" && <JsonMessage value={value} set={set} faults={faults} columns={names} found={found} />}
      {value.way === "fields" && <FieldMapper fields={value.fields} columns={columns} faults={faults} onChange={(fields) => set({ fields })} />}
      {value.way === "all" && <p className="text-[13px] text-muted">Each column becomes a member of the same name{names ? `: ${names.join(", ")}` : ""}.</p>}
      {value.way === "column" && (
        <Field label="Column" error={faults["/message/column"]} hint="Its text is the message, unchanged. A row whose text is no JSON is rejected.">
          <Select required value={value.column} onChange={(event) => set({ column: event.target.value })}>
            <option value="" disabled>Choose a column</option>
            {value.column && !names?.includes(value.column) && <option>{value.column}</option>}
            {names?.map((name) => <option key={name}>{name}</option>)}
          </Select>
        </Field>
      )}
      {faults["/message"] && <p role="alert" className="text-xs text-bad">{faults["/message"]}</p>}
      {used.length > 0 && (
        <p className="flex flex-wrap items-center gap-1 text-xs text-muted">
          Columns used: {used.includes("*") ? "all of them" : used.map((column) => <Chip key={column} className="font-mono">{column}</Chip>)}
        </p>
      )}
      <PresetPicker open={picking} onClose={() => setPicking(false)} columns={columns} written={value.json !== "" && (names === undefined || value.json !== startingMessage(names))} onUse={(change) => ((begun.current = true), set(change))} />
    </Section>
  );
}

function JsonMessage({ value, set, faults, columns, found }: Omit<Props, "columns"> & { columns: string[] | undefined }): ReactElement {
  const holes = useMemo(() => ({ holes: [...(columns ?? []).map(holeOf), ...(columns ?? []).map((column) => holeOf(column).replace(/^row/, "previous")), ...OTHER_NAMES, ...(value.fanOut ? ["element"] : [])] }), [columns, value.fanOut]);
  const fault = faults["/message/json"];
  const refused = useRef({ fault, text: value.json });
  if (refused.current.fault !== fault) refused.current = { fault, text: value.json };
  // What the service refused is marked until the text changes; meanwhile what can be told here.
  const mistakes = useMemo<Mistake[]>(() => {
    const place = fault && refused.current.text === value.json ? placeOf(fault) : undefined;
    if (place) return [place];
    const told = mistakesIn(value.json, columns);
    return told.length > 0 ? told : (found ?? []);
  }, [fault, value.json, columns, found]);
  return (
    <Field
      label="JSON with holes"
      error={fault}
      hint={<>A hole such as <code className="font-mono">{"{{ row.name }}"}</code> is a JSON value; inside quotes it is text. No row can break the JSON.</>}
    >
      <Editor label="Message" language="message" value={value.json} onChange={(json) => set({ json })} names={holes} mistakes={mistakes} minLines={12} />
      {mistakes.length > 0 && !fault && (
        <ul className="text-xs text-bad">
          {mistakes.map((mistake) => <li key={`${mistake.line}:${mistake.column}`} className={mistake.warning ? "text-warn" : undefined}>Line {mistake.line}, column {mistake.column}: {mistake.text}</li>)}
        </ul>
      )}
      {columns && (
        <span><Button small kind="quiet" onClick={() => set({ json: startingMessage(columns) })}>Begin again with all columns</Button></span>
      )}
    </Field>
  );
}
