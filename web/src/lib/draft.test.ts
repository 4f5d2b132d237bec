import { describe, expect, test } from "vitest";

import { Problem } from "@/api/problem";
import { NEW_SYNC } from "@/pages/syncValue";

import { dollars, draftBody, draftFaults, draftLines, draftMistakes, marked, partName } from "./draft";
import { changedColumns, planLines } from "./plan";

const ASKED = { sample: "job_1", shards: undefined, sync: undefined, row: 2, rows: 3, op: "changed" as const, column: "" };
const problem = { row: 2, code: "render-failed", message: "the message cannot be made: line 3, column 5: 0 cannot divide", advice: null, pointer: "/draft/message/json", line: 3, column: 5 };

describe("a draft", () => {
  test("is asked for before it has a name, a destination and a stream, and takes earlier values from the next row", () => {
    const body = draftBody({ ...NEW_SYNC, name: " ", schedule: { type: "cron", expression: "not yet", time_zone: "" } }, ASKED);
    expect(body.draft).toMatchObject({ name: "unnamed", destination: "", stream: "any", schedule: { type: "manual" } });
    expect(body).not.toHaveProperty("previous");
    expect(draftBody(NEW_SYNC, { ...ASKED, column: "city" }).previous).toEqual({ row: 0, columns: ["city"] });
    expect(draftBody(NEW_SYNC, { ...ASKED, column: "city", op: "added" })).not.toHaveProperty("previous");
  });
  test("has its faults at the members of the form, and knows when its sample is old", () => {
    const refusal = (pointer: string, detail: string) => new Problem({ status: 422, code: "invalid", title: "", detail: "", errors: [{ pointer, detail }] });
    const found = draftFaults(refusal("/draft/message/json", "Line 2, column 4: no such column."));
    expect(found).toEqual({ at: { "/message/json": "Line 2, column 4: no such column." }, rest: undefined, stale: false });
    expect(draftMistakes(found.at, [], 0)).toEqual([{ line: 2, column: 4, text: "no such column." }]);
    expect(draftFaults(refusal("/sample", "Take one."))).toEqual({ at: {}, rest: "Take one.", stale: true });
    expect(draftFaults(new Problem({ status: 503, code: "busy", detail: "Wait." })).rest).toBe("Wait.");
  });
  test("says what a row lacks, once and with its place", () => {
    expect(draftLines({}, [problem, { ...problem, row: 0 }], 2)).toEqual(["Message: Line 3, column 5: 0 cannot divide"]);
    expect(draftLines({ "/partition_key/template": "Wrong." }, [], 2)).toEqual(["Partition key: Wrong."]);
    expect(draftLines({}, [{ ...problem, code: "null-key", message: "Its key is null.", pointer: null, line: null, column: null }], 2)).toEqual(["This row: Its key is null."]);
    expect(draftMistakes({}, [problem], 2)).toMatchObject([{ line: 3, column: 5, warning: true }]);
    expect(partName("/message/fields/0/template")).toBe("Message, member 1");
  });
  test("marks what stands for something else, but nothing that could be a value", () => {
    const zeros = "0".repeat(32);
    expect(marked(`{"id":"${zeros}","n":4}`, [{ name: "event.id", value: zeros }, { name: "event.sequence", value: "4" }])).toEqual([{ text: '{"id":"' }, { text: zeros, name: "event.id" }, { text: '","n":4}' }]);
  });
  test("costs with as many digits as say something", () => {
    expect([0, 0.014, 0.0763, 12.345, 0.00032].map(dollars)).toEqual(["$0", "$0.014", "$0.076", "$12.35", "$0.00032"]);
  });
});

describe("the columns of a planned change", () => {
  const changed = { op: "changed" as const, before: '{"id": 9007199254740993, "city": "Rom", "old": 1}', after: '{"id": 9007199254740993, "city": "Turin", "new": 2}' };
  test("are told one by one, to the last digit", () => {
    expect(planLines(changed).map((line) => `${line.what} ${line.column}`)).toEqual(["same id", "changed city", "added new", "removed old"]);
    expect(changedColumns(changed)).toEqual(["city", "new", "old"]);
    expect(planLines({ ...changed, op: "added" }).every((line) => line.what === "added")).toBe(true);
    expect(planLines({ ...changed, op: "removed" }).every((line) => line.what === "removed")).toBe(true);
  });
  test("are not told where nothing was kept", () => {
    expect(changedColumns({ ...changed, before: null })).toBeUndefined();
    expect(planLines({ ...changed, before: null }).every((line) => line.what === "same")).toBe(true);
    expect(planLines({ op: "removed", before: null, after: null })).toEqual([]);
  });
});
