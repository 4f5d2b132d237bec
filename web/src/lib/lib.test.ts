import { createHash } from "node:crypto";

import { describe, expect, test, vi } from "vitest";

import type { Schemas } from "@/api/client";
import { type Job, opened } from "@/api/jobs";
import { faultsAt, placeOf, Problem, problemOf } from "@/api/problem";
import { matching, typed } from "@/app/commands";
import { mayAs } from "@/app/workspace";
import { withNumber } from "@/pages/RowsField";
import { hasField, NEW_SYNC, syncBody, syncValue } from "@/pages/syncValue";
import { countingQuery, guessedKey, sqlMistake } from "@/pages/sql";
import { checklist, usable } from "@/pages/verification";

import { browserText, bytes, duration, keyText, prettyJson, relative } from "./format";
import { mistakesIn, startingMessage, usedColumns } from "./holes";
import { localPath } from "./localPath";
import { md5 } from "./md5";
import { eventText, plannedParts, readParts } from "./runs";
import { hotKeys, shardOf, spread } from "./spread";

test("rows are counted whatever stands at the end of a query", () => {
  expect(countingQuery("select 1 -- one;\n; ")).toBe("select count(*) as rows from (\nselect 1 -- one;\n\n) as model");
});

describe("what programs say of themselves", () => {
  test("browsers are named as people name them", () => {
    expect(browserText("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36")).toBe("Chrome on Linux");
    expect(browserText("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0")).toBe("Edge on Windows");
    expect(browserText("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1")).toBe("Safari on iOS");
    expect([browserText("our-own/1.0"), browserText(null)]).toEqual(["our-own/1.0", "unknown"]);
  });
  test("an event of a run is told in words", () => {
    expect(eventText({ by: { email: "ann@example.com", person: "usr_1" }, kind: "normal", options: {} })).toBe("by ann@example.com, kind normal");
    expect(eventText({ epoch: 2, state: "failed", reason: "destination" })).toBe("epoch 2, state failed, because of destination");
    expect([eventText({ reason: null }), eventText(null)]).toEqual(["", ""]);
  });
});

describe("messages", () => {
  test("a mistake stands at its line and column", () => {
    expect(mistakesIn('{\n  "a": {{ row.nmae }}\n}', ["name"])).toMatchObject([{ line: 2, column: 8, text: "The model has no column nmae." }]);
    expect(mistakesIn('{"a": {{ row.name', ["name"])).toMatchObject([{ line: 1, column: 7 }]);
    expect(mistakesIn('{"a": {{ row.name }} "b": 1}', ["name"])).toMatchObject([{ line: 1 }]);
    expect(mistakesIn('{"a": "Dear {{ row.name }}", "b": {{ op }}, "c\\"": {{ previous["a b"] }}}', ["name", "a b"])).toEqual([]);
  });
  test("what it begins with has no mistake, whatever columns are called", () => {
    const columns = ["id", "a b", 'quo"te', "größe"];
    expect(mistakesIn(startingMessage(columns.filter((column) => !column.includes('"'))), columns)).toEqual([]);
    expect(usedColumns(startingMessage(["id", "a b"]))).toEqual(["id", "a b"]);
  });
  test("columns are found in tags too, and a row as a whole is told", () => {
    expect(usedColumns('{% for tag in row.tags %}{{ tag }}, {{ previous["a b"] }}{% endfor %} row.not_code')).toEqual(["tags", "a b"]);
    expect(usedColumns('{{ row | except: "audience" }} {{ "row.text" }} {{ arrow.x }}')).toEqual(["*"]);
    expect(mistakesIn('{ "all": {{ row }}, "none": {{ previous }}, "some": {{ row | except: "a" }} }', ["a"])).toEqual([]);
    expect(mistakesIn('{ "a": {{ row. }} }', ["a"])).toMatchObject([{ warning: true }]);
  });
});

describe("figures", () => {
  test("MD5 is that of everybody else", () => {
    for (const text of ["", "a", "ä€😀", "x".repeat(55), "x".repeat(56), "x".repeat(64), "x".repeat(1000)]) {
      expect(md5(text).toString(16).padStart(32, "0")).toBe(createHash("md5").update(text).digest("hex"));
    }
  });
  test("each key goes to the one shard whose range holds its hash", () => {
    const half = 1n << 127n;
    const shards = [
      { id: "one", first_hash_key: "0", last_hash_key: String(half - 1n) },
      { id: "two", first_hash_key: String(half), last_hash_key: String((1n << 128n) - 1n) },
    ];
    const keys = Array.from({ length: 1000 }, (_, at) => String(at));
    const counts = spread(keys, shards).map((each) => each.keys);
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(1000);
    expect(Math.min(...counts)).toBeGreaterThan(400);
    expect(shardOf(String(half), shards)).toBe("two");
    expect(hotKeys([...keys.slice(0, 50), ...Array.from({ length: 50 }, () => "x")])).toEqual([{ key: "x", share: 0.5 }]);
  });
  test("the parts of a run add up to what it read and planned", () => {
    const counts = { queried: 10, invalid: 1, rows: 9, units: 9, unchanged: 4, added: 2, changed: 2, repeated: 1, removed: 3, not_wanted: 1, planned: 7, delivered: 4, rejected: 1, unanswered: 1, deferred: 1 };
    expect([plannedParts(counts).parts.at(-1)?.label, plannedParts(counts, false).parts.at(-1)?.label]).toEqual(["deferred", "still to send"]);
    for (const { total, parts } of [readParts(counts), plannedParts(counts)]) expect(parts.reduce((sum, part) => sum + part.value, 0)).toBe(total);
  });
  test("sizes, times and keys are readable", () => {
    expect([bytes(0), bytes(1023), bytes(1 << 20), bytes(123 * 1024)]).toEqual(["0 B", "1023 B", "1.0 MiB", "123 KiB"]);
    expect([duration(634), duration(4_200), duration(61_000), duration(3_600_000 * 25)]).toEqual(["634 ms", "4.2 s", "1 min 1 s", "1 d 1 h"]);
    const now = new Date("2026-01-01T12:00:00Z");
    expect([relative(new Date("2026-01-01T11:56:00Z"), now), relative(new Date("2026-01-01T14:00:00Z"), now)]).toEqual(["4 min ago", "in 2 h"]);
    expect([keyText({ id: 7 }), keyText({ a: 1, b: "x" }), keyText([1, "x"]), keyText(null)]).toEqual(["7", "a=1, b=x", "1, x", "null"]);
  });
  test("pretty JSON keeps every digit and every letter of texts", () => {
    expect(prettyJson('{"a":12345678901234567890.10,"b":[],"c":{"d":"x, {\\"y\\"}: z"}}')).toBe('{\n  "a": 12345678901234567890.10,\n  "b": [],\n  "c": {\n    "d": "x, {\\"y\\"}: z"\n  }\n}');
    expect(prettyJson("no json")).toBe("no json");
  });
});

describe("problems", () => {
  test("faults stand at their fields, and what has none is told beside", () => {
    const problem = new Problem({ status: 422, code: "invalid", detail: "two", errors: [{ pointer: "/name", detail: "too long" }, { pointer: "/else", detail: "odd" }] });
    expect(faultsAt(problem, (pointer) => pointer === "/name")).toEqual({ at: { "/name": "too long" }, rest: ["/else: odd"] });
    expect(placeOf("Line 3, column 11: there is no rwo.")).toEqual({ line: 3, column: 11, text: "there is no rwo." });
  });
  test("an answer that is no problem still is told as one", () => {
    expect(problemOf(new Response("", { status: 502, statusText: "Bad Gateway" }), "<html>").message).toContain("502 Bad Gateway");
  });
  test("an error of PostgreSQL points at the word that it names", () => {
    expect(sqlMistake('relation "custmers" does not exist', "select *\nfrom custmers")).toMatchObject({ line: 2, column: 6, length: 8 });
  });
});

describe("jobs", () => {
  test("wait for a place among those that a workspace may have open, and for nothing else", async () => {
    vi.useFakeTimers();
    const refusal = (code: string) => new Problem({ status: 409, code, detail: "no" });
    const start = vi.fn<() => Promise<Job>>().mockRejectedValueOnce(refusal("quota-exceeded")).mockResolvedValue({ id: "job_1" } as Job);
    const job = opened(start);
    await vi.advanceTimersByTimeAsync(1000);
    expect((await job).id).toBe("job_1");
    expect(start).toHaveBeenCalledTimes(2);
    await expect(opened(() => Promise.reject(refusal("conflict")))).rejects.toThrow("no");
    const never = expect(opened(() => Promise.reject(refusal("quota-exceeded")))).rejects.toThrow("no");
    await vi.advanceTimersByTimeAsync(62_000);
    await never;
    vi.useRealTimers();
  });
});

describe("going on", () => {
  test("after signing in nobody is led to another site", () => {
    expect(["/w/a?tab=x#y", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", undefined].map(localPath)).toEqual(["/w/a?tab=x#y", "/", "/", "/", "/", "/"]);
  });
  test("roles contain each other", () => {
    expect([mayAs("owner", "editor"), mayAs("editor", "editor"), mayAs("viewer", "editor")]).toEqual([true, true, false]);
  });
  test("commands are found by parts of their words, the nearest first", () => {
    const commands = ["customers", "new customers", "orders"].map((label) => ({ id: label, label, kind: "sync", run: () => undefined }));
    expect(matching(commands, "cust").map((each) => each.label)).toEqual(["customers", "new customers"]);
  });
  test("know ids, places in a stream and keys from names", () => {
    expect(typed(" run_01a1ff178994711496 ")).toEqual({ id: "run_01a1ff178994711496" });
    expect(typed("shardId-000000000001 49590338271490256608559692538361571095921575989136588898")).toEqual({ position: { shard: "shardId-000000000001", sequenceNumber: "49590338271490256608559692538361571095921575989136588898" } });
    expect([typed("730"), typed("ann@example.com")]).toEqual([{ key: "730" }, { key: "ann@example.com" }]);
    expect([typed(""), typed("customers"), typed("new 1 sync")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("configuration", () => {
  test("a sync comes out of the form as it went in", () => {
    const value = { ...NEW_SYNC, name: "s", model: "m", destination: "d", stream: "x", way: "fields" as const, fields: [{ to: "a", column: "b" }], partition: { way: "template" as const, text: "{{ row.a }}" }, watch: { way: "columns" as const, columns: ["a"] } };
    expect(syncValue(syncBody(value) as unknown as Schemas["Sync"])).toEqual(value);
    const other = { ...value, fanOut: "tags", missing: "null" as const, numbers: { price: "number" as const }, fields: [{ to: "a", json: "{{ row.a }}", null: "omit" as const }] };
    expect(syncValue(syncBody(other) as unknown as Schemas["Sync"])).toEqual(other);
  });
  test("what the form does not know of a sync is sent back as it came", () => {
    const sync = { ...syncBody(NEW_SYNC), log: { rows: "none" }, id: "syn_1" } as unknown as Schemas["Sync"];
    expect(syncBody(syncValue(sync))).toMatchObject({ log: { rows: "none" } });
    expect(syncBody(syncValue(sync))).not.toHaveProperty("id");
  });
  test("only what differs from the usual way of writing numbers is kept", () => {
    expect(withNumber({ a: "string" }, "b", "number", "string")).toEqual({ a: "string", b: "number" });
    expect(withNumber({ a: "string" }, "a", "number", "number")).toEqual({});
    expect([hasField("/message/json"), hasField("/message/fields/2/to"), hasField("/elsewhere")]).toEqual([true, true, false]);
  });
  test("the key is that of the table, if all of it was selected", () => {
    const column = (name: string, key: boolean) => ({ name, source_type: "int", nullable: false, key });
    const catalog = { truncated: false, schemas: [{ name: "public", tables: [{ name: "t", kind: "table", columns: [column("a", true), column("b", true), column("id", false)] }] }] };
    expect(guessedKey(["a", "b", "id"], "select * from t", catalog)).toEqual(["a", "b"]);
    expect(guessedKey(["a", "id"], "select a, id from t", catalog)).toEqual(["id"]);
  });
  test("a tick stands only for what was proved", () => {
    const works = { result: "works" as const };
    const role = { right: { result: "assumed" as const }, without: { result: "assumed" as const }, wrong: { result: "refused" as const } };
    const found = { role, role_verdict: "trusts-without-external-id" as const, streams: works, put: works, details: works, shards: works };
    expect(usable(found)).toBe(false);
    expect(Object.fromEntries(checklist(found, true).map((line) => [line.id, line.state]))).toMatchObject({ assumed: "proved", without: "failed", wrong: "proved" });
    expect(checklist(undefined, true).every((line) => line.state === "unknown")).toBe(true);
  });
});
