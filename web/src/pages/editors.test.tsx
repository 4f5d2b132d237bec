import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactElement } from "react";
import { useState } from "react";
import { describe, expect, test, vi } from "vitest";

import { newQueryClient } from "@/api/hooks";
import type { Column } from "@/api/jobs";
import { TipProvider } from "@/ui/Tip";

import { FieldMapper } from "./FieldMapper";
import { PresetPicker } from "./PresetPicker";
import { RowsField } from "./RowsField";
import type { Field, SyncValue } from "./syncValue";
import { NEW_SYNC } from "./syncValue";

const COLUMNS: Column[] = [
  { name: "id", kind: {}, source_type: "bigint" },
  { name: "price", kind: {}, source_type: "numeric(12,2)" },
  { name: "tags", kind: {}, source_type: "text[]" },
];

function Mapper({ onChange }: { onChange: (fields: Field[]) => void }): ReactElement {
  const [fields, setFields] = useState<Field[]>([]);
  return <TipProvider><FieldMapper fields={fields} columns={COLUMNS} faults={{ "/message/fields/1/to": "taken" }} onChange={(next) => (setFields(next), onChange(next))} /></TipProvider>;
}

describe("the field mapper", () => {
  test("adds columns, leaves nulls out, and takes JSON with holes", async () => {
    const user = userEvent.setup();
    const onChange = vi.fn<(fields: Field[]) => void>();
    render(<Mapper onChange={onChange} />);
    await user.click(screen.getByRole("button", { name: "Add all columns" }));
    expect(screen.getByRole("alert")).toHaveTextContent("taken");
    await user.selectOptions(screen.getByLabelText("Member 1: if the value is null"), "omit");
    await user.selectOptions(screen.getByLabelText("Member 2: kind"), "json");
    await user.type(screen.getByLabelText("Member 2: value"), "[[{{{{ row.price }}]");
    await user.selectOptions(screen.getByLabelText("Member 3: kind"), "constant");
    await user.type(screen.getByLabelText("Member 3: value"), "7");
    expect(onChange.mock.lastCall?.[0]).toEqual([{ to: "id", column: "id", null: "omit" }, { to: "price", json: "[{{ row.price }}]" }, { to: "tags", constant: 7 }]);
    expect(screen.queryByLabelText("Member 3: if the value is null")).toBeNull();
  });
  test("moves members by buttons, as it does by drag", async () => {
    const user = userEvent.setup();
    const onChange = vi.fn<(fields: Field[]) => void>();
    render(<Mapper onChange={onChange} />);
    await user.click(screen.getByRole("button", { name: "Add all columns" }));
    await user.click(screen.getByRole("button", { name: "Move tags up" }));
    await user.click(screen.getByRole("button", { name: "Move id up" }));
    expect(onChange.mock.lastCall?.[0].map(({ to }) => to)).toEqual(["id", "tags", "price"]);
  });
});

test("only arrays can make a message for each element, and only what differs from the usual is kept of numbers", async () => {
  const user = userEvent.setup();
  const set = vi.fn<(change: Partial<SyncValue>) => void>();
  render(<RowsField value={NEW_SYNC} set={set} faults={{}} columns={COLUMNS} />);
  const messages = screen.getByLabelText("Messages of a row");
  expect(within(messages).getAllByRole("option").map((option) => option.textContent)).toEqual(["One", "One for each element of tags"]);
  await user.selectOptions(messages, "tags");
  expect(set).toHaveBeenLastCalledWith({ fanOut: "tags" });
  expect(screen.getByLabelText("How price is written")).toHaveValue("string");
  await user.selectOptions(screen.getByLabelText("How price is written"), "number");
  expect(set).toHaveBeenLastCalledWith({ numbers: { price: "number" } });
  await user.selectOptions(screen.getByLabelText("How id is written"), "number");
  expect(set).toHaveBeenLastCalledWith({ numbers: {} });
});

test("a preset brings its message with the chosen options, its key, its changes and its fan-out", async () => {
  const user = userEvent.setup();
  const preset = {
    id: "p", title: "Partner", description: "For `partners`.", key: ["id"], other_columns: false, fan_out_column: "tags",
    columns: [{ name: "tags", source_type: "text[]", holds: "Ids." }, { name: "site", source_type: "int4", holds: "A number." }],
    options: [{ id: "names", title: "With names", description: "More." }],
    messages: [{ options: [], json: "{}" }, { options: ["names"], json: '{ "name": 1 }' }],
    partition_key: { template: "{{ row.id }}" }, triggers: { added: true, changed: false, removed: true },
  };
  const queries = newQueryClient();
  queries.setQueryData(["/v1/presets", { workspace_id: "" }, undefined], { items: [preset], next_cursor: null });
  const onUse = vi.fn<(change: Partial<SyncValue>) => void>();
  render(<QueryClientProvider client={queries}><TipProvider><PresetPicker open onClose={() => undefined} columns={COLUMNS} written onUse={onUse} /></TipProvider></QueryClientProvider>);
  expect(await screen.findByText(/no such column/)).toBeInTheDocument();
  expect(screen.getAllByText(/no such column/)).toHaveLength(1);
  await user.click(screen.getByLabelText("With names"));
  await user.click(screen.getByRole("button", { name: "Use it" }));
  expect(onUse).toHaveBeenCalledWith({ way: "json", json: '{ "name": 1 }', partition: { way: "template", text: "{{ row.id }}" }, triggers: preset.triggers, fanOut: "tags" });
});
