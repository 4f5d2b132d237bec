import { ArrowDown, ArrowUp, GripVertical, Plus, Trash2 } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import type { Column } from "@/api/jobs";
import type { Faults } from "@/api/problem";
import { Button, IconButton } from "@/ui/Button";
import { cx } from "@/ui/cx";
import { Input, Select } from "@/ui/Field";

import type { Field } from "./syncValue";

interface Props {
  fields: Field[];
  columns: Column[] | undefined;
  faults: Faults;
  onChange: (fields: Field[]) => void;
}

type Kind = "column" | "constant" | "template" | "json";

/** The members of a message, each from a column, a constant, a template or JSON with holes. Moved by drag, or by the arrow buttons. */
export function FieldMapper({ fields, columns, faults, onChange }: Props): ReactElement {
  const [dragged, setDragged] = useState<number>();
  const change = (at: number, field: Field) => onChange(fields.map((each, place) => (place === at ? field : each)));
  const move = (from: number, to: number) => {
    if (to < 0 || to >= fields.length || from === to) return;
    const rest = fields.filter((_, at) => at !== from);
    onChange([...rest.slice(0, to), fields[from] as Field, ...rest.slice(to)]);
  };
  const missing = (columns ?? []).filter((column) => !fields.some((field) => field.column === column.name));
  return (
    <div className="space-y-2">
      <ul className="space-y-1.5">
        {fields.map((field, at) => (
          <li
            key={at}
            draggable
            onDragStart={() => setDragged(at)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={() => (dragged !== undefined && move(dragged, at), setDragged(undefined))}
            className={cx("rounded-md border border-line bg-surface p-1.5", dragged === at && "opacity-50")}
          >
            <div className="flex flex-wrap items-center gap-1.5">
              <GripVertical className="size-4 shrink-0 cursor-grab text-faint" aria-hidden />
              <Input aria-label={`Member ${at + 1}: its place in the message`} mono className="w-40 flex-1" value={field.to} onChange={(event) => change(at, { ...field, to: event.target.value })} placeholder="customer.id" />
              <span className="text-xs text-muted">from</span>
              <Select aria-label={`Member ${at + 1}: kind`} className="w-36" value={kindOf(field)} onChange={(event) => change(at, ofKind(field, event.target.value as Kind))}>
                <option value="column">column</option>
                <option value="constant">constant</option>
                <option value="template">text with holes</option>
                <option value="json">JSON with holes</option>
              </Select>
              <Origin field={field} columns={columns} label={`Member ${at + 1}: value`} onChange={(next) => change(at, next)} />
              {(kindOf(field) === "column" || kindOf(field) === "json") && (
                <Select aria-label={`Member ${at + 1}: if the value is null`} className="w-40" value={field.null ?? "send"} onChange={(event) => change(at, withNull(field, event.target.value as "send" | "omit"))}>
                  <option value="send">null is sent</option>
                  <option value="omit">left out if null</option>
                </Select>
              )}
              <span className="flex">
                <IconButton small label={`Move ${field.to} up`} refusal={at === 0 && "It is the first"} onClick={() => move(at, at - 1)}><ArrowUp className="size-3.5" aria-hidden /></IconButton>
                <IconButton small label={`Move ${field.to} down`} refusal={at === fields.length - 1 && "It is the last"} onClick={() => move(at, at + 1)}><ArrowDown className="size-3.5" aria-hidden /></IconButton>
                <IconButton small label={`Remove ${field.to}`} onClick={() => onChange(fields.filter((_, place) => place !== at))}><Trash2 className="size-3.5" aria-hidden /></IconButton>
              </span>
            </div>
            {Object.entries(faults).filter(([pointer]) => pointer.startsWith(`/message/fields/${at}`)).map(([pointer, text]) => <p key={pointer} role="alert" className="px-1 pt-1 text-xs text-bad">{text}</p>)}
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-1.5">
        <Button small icon={<Plus className="size-3.5" aria-hidden />} onClick={() => onChange([...fields, { to: "", column: "" }])}>Add a member</Button>
        {missing.length > 0 && <Button small kind="quiet" onClick={() => onChange([...fields, ...missing.map((column) => ({ to: pathOf(column.name), column: column.name }))])}>Add all {fields.length > 0 ? "other " : ""}columns</Button>}
      </div>
    </div>
  );
}

function Origin({ field, columns, label, onChange }: { field: Field; columns: Column[] | undefined; label: string; onChange: (field: Field) => void }): ReactElement {
  const kind = kindOf(field);
  if (kind === "column") {
    const known = columns?.some((column) => column.name === field.column) ?? false;
    return (
      <Select aria-label={label} className="w-40 flex-1 font-mono text-xs" value={field.column ?? ""} onChange={(event) => onChange({ ...field, to: field.to || pathOf(event.target.value), column: event.target.value })}>
        <option value="" disabled>choose a column</option>
        {!known && field.column && <option value={field.column}>{field.column}</option>}
        {columns?.map((column) => <option key={column.name}>{column.name}</option>)}
      </Select>
    );
  }
  if (kind === "template") return <Input aria-label={label} mono className="w-40 flex-1" value={field.template ?? ""} onChange={(event) => onChange({ to: field.to, template: event.target.value })} placeholder="{{ row.first }} {{ row.last }}" />;
  if (kind === "json") return <Input aria-label={label} mono className="w-40 flex-1" value={field.json ?? ""} onChange={(event) => onChange({ ...field, json: event.target.value })} placeholder={'{ "tier": {{ row.tier }} }'} />;
  return <Constant label={label} value={field.constant} onChange={(constant) => onChange({ to: field.to, constant })} />;
}

/** JSON; what is none is a text. */
function Constant({ label, value, onChange }: { label: string; value: unknown; onChange: (value: unknown) => void }): ReactElement {
  const [text, setText] = useState(() => (typeof value === "string" && !isJson(value) ? value : JSON.stringify(value ?? "")));
  return (
    <Input aria-label={label} mono className="w-40 flex-1" value={text} placeholder='"text", 1 or true' onChange={(event) => {
      setText(event.target.value);
      onChange(isJson(event.target.value) ? JSON.parse(event.target.value) : event.target.value);
    }} />
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function kindOf(field: Field): Kind {
  return field.json !== undefined ? "json" : field.template !== undefined ? "template" : field.column !== undefined ? "column" : "constant";
}

function ofKind(field: Field, kind: Kind): Field {
  return kind === "column" ? { to: field.to, column: "" } : kind === "template" ? { to: field.to, template: "" } : kind === "json" ? { to: field.to, json: "" } : { to: field.to, constant: "" };
}

function withNull(field: Field, wanted: "send" | "omit"): Field {
  const { null: _, ...others } = field;
  return wanted === "omit" ? { ...others, null: "omit" } : others;
}

/** A dot in a member's path nests; one in the name of a column does not. */
function pathOf(column: string): string {
  return column.replaceAll("\\", "\\\\").replaceAll(".", "\\.");
}
