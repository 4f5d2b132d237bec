import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactElement } from "react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Schemas } from "@/api/client";
import { Problem } from "@/api/problem";
import { TipProvider } from "@/ui/Tip";

import { DraftPreview } from "./DraftPreview";
import { PlanDiff } from "./PlanDiff";
import { NEW_SYNC } from "./syncValue";
import { useDraft } from "./useDraft";

const SAMPLE = { job: "job_1", columns: [{ name: "id", kind: {}, source_type: "bigint" }, { name: "city", kind: {}, source_type: "text" }], rows: [[7, "Rom"], [8, "Turin"]], cut: null, key_check: null };
const takeSample = vi.fn();
let asked: Schemas["RenderBody"][] = [];

function answer(body: Schemas["RenderBody"]): Schemas["RenderedDraft"] {
  asked.push(body);
  const json = "json" in body.draft.message ? body.draft.message.json : "";
  const refuse = (pointer: string, detail: string) => new Problem({ status: 422, code: "invalid", detail: "", errors: [{ pointer, detail }] });
  if (json.includes("wrong")) throw refuse("/draft/message/json", "Line 1, column 4: there is no filter `wrong`.");
  if (json.includes("old")) throw refuse("/sample", "Take one.");
  const record: Schemas["DraftRecord"] = { data: `{"is":"${json}","row":${body.row},"op":"${body.op}"}`, partition_key: "7", explicit_hash_key: null, hash_key: "1", shard: null, bytes: 30 };
  return { records: [record], records_total: 1, changed_columns: null, problems: [], stand_ins: [], tried: { rows: 2, records: 2, bytes: 60, refused: 0 }, average_bytes: 30, million_rows: null };
}

// The browser that tests have here cannot send a request that may be given up.
vi.mock(import("@/api/client"), async (original) => ({ ...(await original()), request: (async (_method: string, _path: string, { body }: { body: Schemas["RenderBody"] }) => answer(body)) as never }));

beforeEach(() => {
  asked = [];
  vi.useFakeTimers({ shouldAdvanceTime: true });
});
afterEach(() => {
  vi.useRealTimers();
});

function Editing(): ReactElement {
  const [json, setJson] = useState("first");
  const draft = useDraft({ value: { ...NEW_SYNC, json }, sample: SAMPLE, takeSample, shards: undefined });
  return <TipProvider><input aria-label="text" value={json} onChange={(event) => setJson(event.target.value)} /><DraftPreview draft={draft} sample={SAMPLE} keys={["id"]} shards={undefined} limit={1000} /></TipProvider>;
}

const message = () => screen.getByRole("region", { name: "Message as it would be sent" });
const pause = () => act(() => vi.advanceTimersByTimeAsync(600));

test("the record follows what is typed after a pause, and the last good one stays dimmed beside a mistake", async () => {
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  render(<Editing />);
  await pause();
  expect(message()).toHaveTextContent('"is": "first"');
  const before = asked.length;
  await user.type(screen.getByLabelText("text"), " two");
  await pause();
  expect(message()).toHaveTextContent('"is": "first two"');
  expect(asked.length - before).toBeLessThan(4);
  await user.type(screen.getByLabelText("text"), " wrong");
  await pause();
  expect(message()).toHaveTextContent('"is": "first two');
  expect(message()).toHaveClass("opacity-50");
  expect(screen.getByRole("status", { name: "What is wrong" })).toHaveTextContent("Message: Line 1, column 4: there is no filter `wrong`.");
  await user.clear(screen.getByLabelText("text"));
  await user.type(screen.getByLabelText("text"), "mended");
  await pause();
  expect(message()).not.toHaveClass("opacity-50");
  expect(message()).toHaveTextContent('"is": "mended"');
});

test("a row is chosen by its key or one after the other, and so is what happened to it", async () => {
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  render(<Editing />);
  await pause();
  await user.selectOptions(screen.getByLabelText("Row of the sample, by its key"), "8");
  await user.click(screen.getByRole("button", { name: "changed" }));
  await user.selectOptions(screen.getByLabelText("Columns that changed"), "city");
  await pause();
  expect(message()).toHaveTextContent('"row": 1, "op": "changed"');
  expect(asked.at(-1)).toMatchObject({ row: 1, op: "changed", previous: { row: 0, columns: ["city"] } });
  await user.click(screen.getByRole("button", { name: "Row before" }));
  await pause();
  expect(asked.at(-1)).toMatchObject({ row: 0 });
});

test("another sample is taken when the model is not what it was", async () => {
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  render(<Editing />);
  await user.type(screen.getByLabelText("text"), " old");
  await pause();
  expect(takeSample).toHaveBeenCalledTimes(1);
});

test("a planned change is shown column by column, and the others when asked", async () => {
  vi.useRealTimers();
  const record = { op: "changed" as const, key: { id: 7 }, partition_key: "7", explicit_hash_key: null, hash_key: "1", bytes: 9, data: "{}", before: '{"id":7,"city":"Rom"}', after: '{"id":7,"city":"Turin"}' };
  render(<PlanDiff record={record} />);
  const rows = () => within(screen.getByRole("table", { name: "Columns that change" })).getAllByRole("row").map((row) => row.textContent);
  expect(rows()).toEqual(['~city changed"Rom" → "Turin"']);
  await userEvent.click(screen.getByRole("button", { name: "Show 1 column that stays" }));
  expect(rows()).toHaveLength(2);
});
