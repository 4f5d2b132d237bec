import type { LoggedBody, LoggedCall } from "./shapes";

export interface Caller {
  region: string | undefined;
  /** Another address than that of AWS. */
  endpoint?: string | null | undefined;
}

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `PutRecords` as the AWS CLI writes it. */
export function kebab(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2").replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2").toLowerCase();
}

/** Why the call cannot be written as a command; undefined if it can. */
export function whyNot(request: LoggedBody | null): string | undefined {
  if (!request) return "The body of this call is not kept. The sync's log setting decides of which calls it is.";
  return request.cut ? "Only a part of this call's body is kept" : undefined;
}

interface Parts {
  service: "kinesis" | "sts";
  region: string;
  url: string;
  endpoint: string | undefined;
}

const STS = new Set(["AssumeRole", "GetCallerIdentity"]);

function partsOf(call: LoggedCall, body: string, caller: Caller): Parts {
  const service = STS.has(call.kind) ? "sts" : "kinesis";
  const arn = service === "kinesis" ? /"arn:(aws[\w-]*):kinesis:([\w-]+):/.exec(body) : null;
  const region = arn?.[2] ?? caller.region ?? "$AWS_REGION";
  const domain = (arn?.[1] === "aws-cn" || region.startsWith("cn-")) ? "amazonaws.com.cn" : "amazonaws.com";
  const endpoint = service === "kinesis" ? (caller.endpoint ?? undefined) : undefined;
  return { service, region, endpoint, url: `${endpoint ?? `https://${service}.${region}.${domain}`}/` };
}

/** A here-document that nothing in the text ends. */
function hereDocument(text: string): string {
  let word = "BODY";
  const lines = new Set(text.split("\n"));
  while (lines.has(word)) word += "_";
  return `<<'${word}'\n${text}\n${word}`;
}

/** With the region's variable left to the shell, where it is not known. */
const word = (text: string) => (text.includes("$AWS_REGION") ? `"${text}"` : quoted(text));

/** The call for the AWS CLI, version 2, which signs it with the credentials that it finds. */
export function asCli(call: LoggedCall, request: LoggedBody, caller: Caller): string {
  const { service, region, endpoint } = partsOf(call, request.text, caller);
  const common = [`--region ${word(region)}`, ...(endpoint ? [`--endpoint-url ${word(endpoint)}`] : [])];
  const head = [`# ${again(call)}The AWS CLI (2) signs it with your own credentials; none are in here.`, `aws ${service} ${kebab(call.kind)} ${common.join(" ")}`];
  if (!request.text.trimStart().startsWith("{")) return [head.join("\n"), ...formWords(request.text)].join(" ");
  // By a file, since a body may be longer than a command may be. Data are base64 in it, as they crossed the wire.
  return `${head.join("\n")} --cli-binary-format base64 --cli-input-json file:///dev/stdin ${hereDocument(request.text)}`;
}

function formWords(text: string): string[] {
  const members = [...new URLSearchParams(text)].filter(([name]) => name !== "Action" && name !== "Version");
  return members.map(([name, value]) => `--${kebab(name)} ${quoted(value)}`);
}

/** The call for curl, which can sign since 7.75. */
export function asCurl(call: LoggedCall, request: LoggedBody, caller: Caller): string {
  const { service, region, url } = partsOf(call, request.text, caller);
  const json = request.text.trimStart().startsWith("{");
  const lines = [
    `# ${again(call)}AWS takes signed requests only: curl (7.75 or newer) signs with these variables. Leave the token out where there is none.`,
    `curl --aws-sigv4 "aws:amz:${region}:${service}" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\`,
    `  --header "x-amz-security-token: $AWS_SESSION_TOKEN" \\`,
    `  --header 'content-type: ${json ? "application/x-amz-json-1.1" : "application/x-www-form-urlencoded"}' \\`,
    ...(json ? [`  --header 'x-amz-target: Kinesis_20131202.${call.kind}' \\`] : []),
  ];
  return `${lines.join("\n")}\n  --data-binary @- ${word(url)} ${hereDocument(request.text)}`;
}

function again(call: LoggedCall): string {
  return call.kind === "PutRecords" ? "This puts the records once more. " : "";
}

/** A record of a PutRecords body, as it was sent. */
export interface SentRecord {
  partitionKey: string;
  explicitHashKey: string | undefined;
  /** The message; where it is no text, its base64. */
  message: string;
  isText: boolean;
}

interface RecordBody {
  Data?: string;
  PartitionKey?: string;
  ExplicitHashKey?: string;
}

/** The records of a request; none where the body is not kept whole. */
export function sentRecords(request: LoggedBody | null): SentRecord[] {
  const found = parsed<{ Records?: RecordBody[] }>(request)?.Records ?? [];
  return found.map(({ Data = "", PartitionKey = "", ExplicitHashKey }) => ({ partitionKey: PartitionKey, explicitHashKey: ExplicitHashKey, ...messageOf(Data) }));
}

function messageOf(base64: string): { message: string; isText: boolean } {
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return { message: new TextDecoder("utf-8", { fatal: true }).decode(bytes), isText: true };
  } catch {
    return { message: base64, isText: false };
  }
}

/** What Kinesis answered of one record. */
export interface AnsweredRecord {
  shard: string | undefined;
  sequenceNumber: string | undefined;
  code: string | undefined;
  message: string | undefined;
}

/** By position; for calls whose rows are not logged. */
export function answeredRecords(response: LoggedBody | null): AnsweredRecord[] {
  type Answer = { ShardId?: string; SequenceNumber?: string; ErrorCode?: string; ErrorMessage?: string };
  const found = parsed<{ Records?: Answer[] }>(response)?.Records ?? [];
  return found.map((each) => ({ shard: each.ShardId, sequenceNumber: each.SequenceNumber, code: each.ErrorCode, message: each.ErrorMessage }));
}

function parsed<T>(body: LoggedBody | null): T | undefined {
  if (!body || body.cut) return undefined;
  try {
    return JSON.parse(body.text) as T;
  } catch {
    return undefined;
  }
}
