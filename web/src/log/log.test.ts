import { describe, expect, test } from "vitest";

import { answeredRecords, asCli, asCurl, kebab, quoted, sentRecords, whyNot } from "./cli";
import { changeText, columnLines } from "./columns";
import { membersOf, parseExact, rawKeyText, rawText } from "./exact";
import { positionOf, positionText } from "./place";
import { isValue } from "./read";
import { costLines, dollars, phaseSpans, phaseTimes, rates, shardHeat, shardNumber } from "./report";
import { liveRates, withSample } from "./live";
import { rowsSeen, scrollTo } from "./window";
import type { LoggedBody, LoggedCall, RunReport } from "./shapes";

describe("exact JSON", () => {
  test("reads what JSON.parse reads", () => {
    const texts = ['{"a": [1, -2.5e3, true, null, "x\\"y\\\\"], "b": {}, "c": []}', ' [ ] ', '"\\\\"', "12", '{"a,b": "]}", "ü": [[[]], {"d": {"e": [0]}}]}'];
    for (const text of texts) expect(parseExact(text, () => false)).toEqual(JSON.parse(text));
  });
  test("keeps values of rows to the last digit, and nothing else", () => {
    const text = '{"items": [{"key": {"id": 12345678901234567890}, "element": null, "call": {"call": 3, "position": 0}, "values": {"previous": {"a": 1.10}, "row": null, "record": "{\\"id\\": 1}", "changes": [{"column": "a", "before": 1.10, "after": "x"}]}}], "next_cursor": null}';
    expect(parseExact(text, isValue)).toEqual({
      items: [{ key: '{"id": 12345678901234567890}', element: null, call: { call: 3, position: 0 }, values: { previous: '{"a": 1.10}', row: null, record: '{"id": 1}', changes: [{ column: "a", before: "1.10", after: '"x"' }] } }],
      next_cursor: null,
    });
  });
  test("the row at a position is an object, not a value", () => {
    expect(parseExact('{"items": [{"row": {"key": [7]}}]}', isValue)).toEqual({ items: [{ row: { key: "[7]" } }] });
  });
  test("what is no JSON is refused", () => {
    for (const text of ["", "{", '{"a"', '{"a": }', "[1", '"x', "{} x", "nul"]) expect(() => parseExact(text, () => false), text).toThrow(SyntaxError);
    expect(() => parseExact('{"a": [1', () => true)).toThrow(SyntaxError);
  });
  test("keys are shown as people write them", () => {
    expect(rawKeyText('{"id": 12345678901234567890}')).toBe("12345678901234567890");
    expect(rawKeyText('{"region": "eu", "n": 1.10}')).toBe("region=eu, n=1.10");
    expect(rawKeyText(null)).toBe("unknown");
    expect(rawText('"a\\"b"')).toBe('a"b');
    expect(membersOf('{"a": {"b": 1}, "c": null}')).toEqual([["a", '{"b": 1}'], ["c", "null"]]);
  });
});

describe("columns before and after", () => {
  const changes = [{ column: "b", before: "1", after: "2" }, { column: "new", before: null, after: "[1]" }, { column: "gone", before: '"x"', after: null }];
  test("tells which changed, came and went, in the order of the row", () => {
    const values = { previous: '{"a": 1.0, "b": 1, "gone": "x"}', row: '{"a": 1.0, "b": 2, "new": [1]}', record: null, changes };
    expect(columnLines(values).map(({ column, what }) => [column, what])).toEqual([["a", "same"], ["b", "changed"], ["new", "added"], ["gone", "removed"]]);
    expect(changeText(values)).toBe("3 of 4 columns changed");
  });
  test("a row that is new or gone has one side", () => {
    expect(columnLines({ previous: null, row: '{"a": 1}', record: null, changes: [] })).toEqual([{ column: "a", before: undefined, after: "1", what: "added" }]);
    expect(changeText({ previous: null, row: '{"a": 1}', record: null, changes: [] })).toBe("1 column, all new to the stream");
    expect(columnLines({ previous: '{"a": 1}', row: null, record: null, changes: [] })).toEqual([{ column: "a", before: "1", after: undefined, what: "removed" }]);
    expect(changeText({ previous: null, row: null, record: null, changes: [] })).toBe("");
  });
});

const CALL: LoggedCall = { number: 12, kind: "PutRecords", run: "run_1", epoch: 3, attempt: 1, started_at: "2026-11-21T10:00:00Z", latency_us: 1, waited_ms: 0, http_status: 200, request_id: null, records: 1, bytes: 9, error: null, failed_records: 0, failures: [], shards: [], retry_reason: null, request_bytes: 1, response_bytes: 1 };
const body = (text: string, cut = false): LoggedBody => ({ text, bytes: text.length, cut });
const PUT = body('{"Records":[{"Data":"eyJuIjoiaXQncyJ9","PartitionKey":"it\'s 7"},{"Data":"/w==","PartitionKey":"b","ExplicitHashKey":"5"}],"StreamARN":"arn:aws:kinesis:eu-west-1:111122223333:stream/orders"}');

describe("a call as a command", () => {
  test("for the AWS CLI it has the body byte for byte, and the region of the stream", () => {
    const text = asCli(CALL, PUT, { region: "us-east-1" });
    expect(text).toContain("aws kinesis put-records --region eu-west-1 --cli-binary-format base64 --cli-input-json file:///dev/stdin <<'BODY'\n");
    expect(text.split("\n").slice(2)).toEqual([PUT.text, "BODY"]);
    expect(text).toContain("puts the records once more");
  });
  test("for curl it is signed by the person's own credentials, which are variables", () => {
    const text = asCurl(CALL, PUT, { region: undefined });
    expect(text).toContain('--aws-sigv4 "aws:amz:eu-west-1:kinesis" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"');
    expect(text).toContain("--header 'x-amz-target: Kinesis_20131202.PutRecords'");
    expect(text).toContain("--data-binary @- https://kinesis.eu-west-1.amazonaws.com/ <<'BODY'\n");
    expect(text).toContain("signed requests only");
  });
  test("another endpoint, another partition, and a region that is not known", () => {
    const list = { ...CALL, kind: "ListStreams", records: 0 };
    expect(asCli(list, body("{}"), { region: "cn-north-1", endpoint: "https://kinesis.example.com" })).toContain("aws kinesis list-streams --region cn-north-1 --endpoint-url https://kinesis.example.com ");
    expect(asCurl(list, body("{}"), { region: "cn-north-1" })).toContain("https://kinesis.cn-north-1.amazonaws.com.cn/");
    expect(asCurl(list, body("{}"), { region: undefined })).toContain('"https://kinesis.$AWS_REGION.amazonaws.com/"');
    expect(asCli(list, body("{}"), { region: undefined })).not.toContain("once more");
  });
  test("STS takes a form, whose members become arguments", () => {
    const assume = { ...CALL, kind: "AssumeRole", records: 0 };
    const form = body("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Frowcast&ExternalId=it%27s");
    expect(asCli(assume, form, { region: "eu-west-1" }).split("\n")[1]).toBe(`aws sts assume-role --region eu-west-1 --role-arn arn:aws:iam::111122223333:role/rowcast --external-id 'it'\\''s'`);
    expect(asCurl(assume, form, { region: "eu-west-1", endpoint: "https://kinesis.example.com" })).toContain("https://sts.eu-west-1.amazonaws.com/");
  });
  test("nothing in a body ends the command or runs in the shell", () => {
    const evil = body("{\nBODY\n$(id)\n}");
    const text = asCli({ ...CALL, kind: "ListShards" }, evil, { region: "eu-west-1" });
    expect(text).toContain("<<'BODY_'\n{\nBODY\n$(id)\n}\nBODY_");
    expect(quoted("a'; rm -rf ~; '")).toBe(`'a'\\''; rm -rf ~; '\\'''`);
    expect(quoted("plain-1.2")).toBe("plain-1.2");
  });
  test("names as the AWS CLI writes them", () => {
    expect(["PutRecords", "DescribeStreamSummary", "StreamARN", "ListShards"].map(kebab)).toEqual(["put-records", "describe-stream-summary", "stream-arn", "list-shards"]);
  });
  test("a body that is cut or not kept gives no command", () => {
    expect(whyNot(null)).toContain("not kept");
    expect(whyNot(body("{}", true))).toContain("part");
    expect(whyNot(PUT)).toBeUndefined();
  });
  test("records are decoded, as text where they are", () => {
    expect(sentRecords(PUT)).toEqual([
      { partitionKey: "it's 7", explicitHashKey: undefined, message: '{"n":"it\'s"}', isText: true },
      { partitionKey: "b", explicitHashKey: "5", message: "/w==", isText: false },
    ]);
    expect(sentRecords(body("{", false))).toEqual([]);
    expect(answeredRecords(body('{"Records":[{"ShardId":"shardId-1","SequenceNumber":"49"},{"ErrorCode":"X","ErrorMessage":"y"}]}'))).toMatchObject([{ shard: "shardId-1", sequenceNumber: "49" }, { code: "X", message: "y" }]);
  });
});

const REPORT: RunReport = {
  run: "run_1", report: null, partial: false, expired: false, damaged: [], hot_keys: [], log: { objects: 0, bytes: 0 },
  rows: { rows: 0, by_outcome: {}, by_code: null }, calls: { calls: 0, failed: 0, by_code: null },
  sent: { records: 1_000_000, bytes: 100_000_000, payload_units: 1_000_000, billed_kib: 1_000_000, estimated: false },
  cost: { provisioned: 0.014, on_demand_standard: 0.0762939, on_demand_advantage: 0.0305, prices: { as_of: "", source: "", million_payload_units: 0.014, on_demand_gib: 0.08, advantage_gib: 0.032 } },
  shards: [{ shard: "shardId-000000000010", records: 1, bytes: 50 }, { shard: "shardId-000000000002", records: 2, bytes: 100 }],
  throttles: [{ shard: "shardId-000000000002", records: 5, calls: 1 }, { shard: null, records: 3, calls: 1 }, { shard: "shardId-000000000004", records: 1, calls: 1 }],
};

describe("the report", () => {
  test("small sums of money keep digits that say something", () => {
    expect([0, 0.0000000001, 0.0000021, 0.0123, 0.0762939, 0.1, 12.345, 1234.5].map(dollars)).toEqual(["$0", "less than $0.000001", "$0.0000021", "$0.012", "$0.076", "$0.10", "$12.35", "$1,234.50"]);
  });
  test("the cost of each mode comes with what it is made of", () => {
    expect(costLines(REPORT).map(({ mode, by }) => `${mode}: ${by}`)).toEqual([
      "Provisioned: 1,000,000 payload units of 25 KiB, at $0.014 a million",
      "On-demand standard: 1,000,000 KiB, each record rounded up to whole KiB, at $0.08 a GiB",
      "On-demand advantage: 1,000,000 KiB, each record rounded up to whole KiB, at $0.032 a GiB",
    ]);
  });
  test("phases have the time until the next one, and one that goes on is one", () => {
    const phases = [["reading", 0], ["comparing", 100], ["sending", 150], ["sending", 400], ["ended", 1000]].map(([phase, at]) => ({ phase: String(phase), started_at: Number(at) }));
    expect(phaseSpans({ phases })).toEqual([{ phase: "reading", at: 0, milliseconds: 100 }, { phase: "comparing", at: 100, milliseconds: 50 }, { phase: "sending", at: 150, milliseconds: 850 }]);
    expect([phaseSpans(null), phaseSpans({})]).toEqual([[], []]);
    expect(phaseTimes(phaseSpans({ phases }))).toEqual({ plan: 150, send: 850 });
  });
  test("shards have their load and what they refused; what names no shard is told apart", () => {
    const { shards, unnamed } = shardHeat(REPORT);
    expect(shards.map(({ shard, heat, throttled }) => [shardNumber(shard), heat, throttled])).toEqual([["2", 1, 5], ["4", 0, 1], ["10", 0.5, 0]]);
    expect(unnamed).toBe(3);
  });
  test("where not all rows were looked at, the worker's sums are taken", () => {
    const worker = { shards: { "shardId-000000000001": { records: 9, bytes: 900, throttled: 2 } } };
    expect(shardHeat({ ...REPORT, partial: true, report: worker }).shards).toEqual([{ shard: "shardId-000000000001", records: 9, bytes: 900, throttled: 2, heat: 1 }]);
    expect(shardHeat({ ...REPORT, report: worker }).shards).toHaveLength(3);
  });
  test("throughput is told per second, however long a part is", () => {
    expect(rates([{ at: 5_000, milliseconds: 500, records: 100, bytes: 10, throttled: 5 }, { at: 6_000, milliseconds: 2_000, records: 100, bytes: 0, throttled: 0 }])).toMatchObject([{ from: 0, to: 0.5, records: 200, throttled: 10 }, { from: 1, to: 3, records: 50 }]);
    expect(rates([])).toEqual([]);
  });
});

describe("a run that is watched", () => {
  const sample = (at: number) => ({ at: at * 1000, delivered: at * 100, throttled: at < 500 ? 0 : at - 500 });
  test("tells what it did between one sign of life and the next", () => {
    const samples = [{ at: 1_000, delivered: 0, throttled: 0 }, { at: 1_500, delivered: 100, throttled: 0 }, { at: 3_500, delivered: 300, throttled: 10 }].reduce(withSample, []);
    expect(liveRates(samples)).toEqual([{ from: 0, to: 0.5, records: 200, bytes: 0, throttled: 0 }, { from: 0.5, to: 2.5, records: 100, bytes: 0, throttled: 5 }]);
    expect(liveRates([])).toEqual([]);
  });
  test("is not kept whole when it is long, and its sums stay", () => {
    const samples = Array.from({ length: 1_001 }, (_, at) => sample(at)).reduce(withSample, []);
    expect(samples.length).toBeLessThan(250);
    expect([samples[0], samples.at(-1)]).toEqual([sample(0), sample(1_000)]);
    expect(Math.round(liveRates(samples).reduce((sum, part) => sum + part.throttled * (part.to - part.from), 0))).toBe(500);
  });
  test("begins anew with another attempt", () => {
    expect(withSample([sample(5)], { at: 6_000, delivered: 0, throttled: 0 })).toEqual([{ at: 6_000, delivered: 0, throttled: 0 }]);
  });
});

describe("the window of a long list", () => {
  test("has what is seen and some around it, and nothing that is not there", () => {
    expect(rowsSeen(0, 340, 34, 100_000, 5)).toEqual({ from: 0, to: 15 });
    expect(rowsSeen(34_017, 340, 34, 100_000, 5)).toEqual({ from: 995, to: 1016 });
    expect(rowsSeen(99_999 * 34, 340, 34, 100_000, 5)).toEqual({ from: 99_994, to: 100_000 });
    expect(rowsSeen(5_000, 340, 34, 3, 5)).toEqual({ from: 3, to: 3 });
    expect(rowsSeen(-20, 340, 34, 0, 5)).toEqual({ from: 0, to: 0 });
  });
  test("moves as little as it must for a row to be seen", () => {
    expect([scrollTo(3, 0, 340, 34), scrollTo(10, 0, 340, 34), scrollTo(1, 340, 340, 34)]).toEqual([0, 34, 34]);
  });
});

describe("a place in a stream", () => {
  const NUMBER = "49590338271490256608559692538361571095921575989136588898";
  test("is read from an address, and from what a consumer logs", () => {
    const place = { shard: "shardId-000000000001", sequenceNumber: NUMBER };
    expect(positionOf(positionText(place))).toEqual(place);
    expect(positionOf(`{"ShardId": "shardId-000000000001", "SequenceNumber": "${NUMBER}"}`)).toEqual(place);
    expect(positionOf(`${NUMBER} in shardId-000000000001`)).toEqual(place);
    expect(positionOf(`shardId-000000000001:${NUMBER.slice(0, 56)}`)?.sequenceNumber).toBe(NUMBER);
  });
  test("is nothing without both", () => {
    for (const text of ["", "shardId-000000000001", NUMBER, "hello"]) expect(positionOf(text)).toBeUndefined();
    expect(positionOf("shard:7")).toEqual({ shard: "shard", sequenceNumber: "7" });
  });
});
