import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";

import type { LoggedCallDetails, LoggedValues, RecordOfCall } from "@/log/shapes";

import { positionsText } from "./CallPanel";
import { Diff } from "./Entry";
import { List } from "./List";
import { linesOf } from "./RecordResults";
import { keyValues } from "./Timeline";

const FAILURE = { code: "InternalFailure", message: "again", meaning: null, advice: null };
const RECORD: RecordOfCall = { position: 0, key: '{"id":7}', element: null, event_id: null, failure: null, outcome: "delivered", decided_here: true, shard: "shardId-000000000001", sequence_number: "49", sub_sequence: null };
const DETAILS: LoggedCallDetails = {
  call: { number: 3, kind: "PutRecords", run: "run_1", epoch: 1, attempt: 1, started_at: "2026-11-21T09:00:00Z", latency_us: 1, waited_ms: 0, http_status: 200, request_id: null, records: 2, bytes: 2, error: null, failed_records: 1, failures: [{ ...FAILURE, positions: [1] }], shards: [], retry_reason: null, request_bytes: null, response_bytes: null },
  request: null, response: null, in_request: [],
};

describe("the records of a call", () => {
  test("one that failed here and got through later has neither shard nor number of this call", () => {
    const found = linesOf({ ...DETAILS, in_request: [RECORD, { ...RECORD, position: 1, failure: FAILURE, decided_here: false }] });
    expect(found).toMatchObject([{ shard: "shardId-000000000001", sequenceNumber: "49", code: undefined, later: undefined }, { shard: null, sequenceNumber: null, code: "InternalFailure", later: "delivered" }]);
  });
  test("without rows in the log the answer of Kinesis tells them apart, and without that there is none", () => {
    const text = '{"Records":[{"ShardId":"shardId-000000000001","SequenceNumber":"49"},{"ErrorCode":"InternalFailure","ErrorMessage":"again"}]}';
    expect(linesOf({ ...DETAILS, response: { text, bytes: text.length, cut: false } })).toMatchObject([{ key: null, sequenceNumber: "49" }, { code: "InternalFailure", why: "again" }]);
    expect(linesOf(DETAILS)).toEqual([]);
  });
  test("positions are told as ranges", () => {
    expect(positionsText([4])).toBe("position 4");
    expect(positionsText([0, 1, 2, 5, 7, 8])).toBe("positions 0–2, 5, 7–8");
    expect(positionsText(Array.from({ length: 40 }, (_, at) => at * 2))).toMatch(/22 and more$/);
  });
});

describe("columns of a row", () => {
  test("show what changed first, to the last digit, and the others when asked", async () => {
    const values: LoggedValues = { previous: '{"id": 9007199254740993, "price": 1.10}', row: '{"id": 9007199254740993, "price": 1.1}', record: null, changes: [{ column: "price", before: "1.10", after: "1.1" }] };
    render(<Diff values={values} all={false} />);
    const cells = () => within(screen.getByRole("table", { name: "Columns" })).getAllByRole("row").slice(1).map((row) => row.textContent);
    expect(cells()).toEqual(["price changed1.101.1"]);
    await userEvent.click(screen.getByRole("button", { name: "Show 1 column that stayed" }));
    expect(cells()).toEqual(["id90071992547409939007199254740993", "price changed1.101.1"]);
  });
  test("a key in an address fills its form, in either form", () => {
    expect(keyValues('{"id": 9007199254740993, "region": "eu"}', ["region", "id"])).toEqual({ id: "9007199254740993", region: "eu" });
    expect(keyValues('["eu", 9007199254740993]', ["region", "id"])).toEqual({ region: "eu", id: "9007199254740993" });
    expect(keyValues("[nonsense", ["id"])).toEqual({});
  });
});

describe("a long list", () => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  const items = Array.from({ length: 5_000 }, (_, at) => `row ${at}`);
  const columns = [{ id: "name", name: "Name", className: "flex-1", cell: (item: string) => item }];

  test("has few of its rows, is walked and opened by keys, and asks for what comes next near its end", async () => {
    const onOpen = vi.fn();
    const onMore = vi.fn();
    const list = (shown: string[]) => <List label="Things" items={shown} columns={columns} idOf={(item) => item} onOpen={onOpen} more loading={false} onMore={onMore} />;
    const { rerender } = render(list(items));
    const grid = screen.getByRole("grid", { name: "Things" });
    expect(screen.getAllByRole("row").length).toBeLessThan(60);
    expect(onMore).not.toHaveBeenCalled();
    grid.focus();
    await userEvent.keyboard("jjjk{ArrowDown}{Enter}");
    expect(onOpen).toHaveBeenCalledWith("row 3");
    expect(grid.getAttribute("aria-activedescendant")).toBe(screen.getByRole("row", { name: "row 3" }).id);
    rerender(list(items.slice(0, 50)));
    expect(onMore).toHaveBeenCalledTimes(1);
  });
  test("closes what is open with Escape, and does not ask again by itself after a failure", async () => {
    const onClose = vi.fn();
    const onMore = vi.fn();
    render(<List label="Things" items={items.slice(0, 5)} columns={columns} idOf={(item) => item} opened="row 1" onOpen={() => undefined} onClose={onClose} more broken loading={false} onMore={onMore} />);
    screen.getByRole("grid").focus();
    await userEvent.keyboard("{Escape}");
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(onMore).not.toHaveBeenCalled();
    expect(screen.getByRole("row", { name: "row 1" }).getAttribute("aria-selected")).toBe("true");
  });
});
