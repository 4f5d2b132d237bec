import { Terminal } from "lucide-react";
import type { ReactElement } from "react";
import { useMemo, useState } from "react";

import { Editor } from "@/editor/Editor";
import { bytes, prettyJson } from "@/lib/format";
import type { Caller } from "@/log/cli";
import { asCli, asCurl, whyNot } from "@/log/cli";
import type { LoggedBody, LoggedCallDetails } from "@/log/shapes";
import { Button } from "@/ui/Button";
import { CodeBlock, CopyButton, copyText } from "@/ui/bits";
import { Segments } from "@/ui/Field";
import { Note } from "@/ui/states";
import { told } from "@/ui/toast";

/** More is not laid out; the copy has all of it. */
const SHOWN = { pretty: 512 << 10, raw: 128 << 10 };

export function Bodies({ details, caller }: { details: LoggedCallDetails; caller: Caller }): ReactElement {
  const { call, request, response } = details;
  const [side, setSide] = useState<"request" | "response">(call.error ? "response" : "request");
  const [view, setView] = useState<"pretty" | "raw">("pretty");
  const body = side === "request" ? request : response;
  const refusal = whyNot(request);
  const copy = async (made: typeof asCli, name: string) => {
    if (request && (await copyText(made(call, request, caller)))) told(`Copied for ${name}. It has no credentials: ${name === "curl" ? "curl signs it with those in your environment" : "the AWS CLI signs it with yours"}.`);
  };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <Segments label="Body" value={side} onChange={setSide} choices={[{ value: "request", label: "Request" }, { value: "response", label: "Response" }]} />
        <Segments label="Form" value={view} onChange={setView} choices={[{ value: "pretty", label: "Pretty" }, { value: "raw", label: "Raw" }]} />
        {body && <span className="figures text-xs text-muted">{bytes(body.bytes)}</span>}
        {body && <CopyButton text={body.text} label={`Copy the ${side}`} />}
      </div>
      {body ? <Body key={`${side} ${view}`} side={side} body={body} view={view} /> : <Note title={`The ${side} is not kept`}>{side === "response" && call.http_status === null ? "There was no answer." : "The sync's log setting decides of which calls bodies are kept: all, none, or those with failures and a sample of the others."}</Note>}
      <div className="flex flex-wrap items-center gap-2">
        <Button small icon={<Terminal className="size-3.5" aria-hidden />} refusal={refusal} onClick={() => void copy(asCli, "the AWS CLI")}>Copy as AWS CLI</Button>
        <Button small icon={<Terminal className="size-3.5" aria-hidden />} refusal={refusal} onClick={() => void copy(asCurl, "curl")}>Copy as curl</Button>
      </div>
      <p className="text-xs text-muted">No credentials are kept or copied. AWS takes signed requests only, so both sign with yours{call.kind === "PutRecords" ? "; and they put the records once more" : ""}.</p>
    </div>
  );
}

function Body({ side, body, view }: { side: string; body: LoggedBody; view: "pretty" | "raw" }): ReactElement {
  const text = useMemo(() => {
    if (view === "raw") return body.text.slice(0, SHOWN.raw);
    return prettyBody(body.text).slice(0, SHOWN.pretty);
  }, [body, view]);
  const clipped = view === "raw" ? body.text.length > SHOWN.raw : text.length >= SHOWN.pretty;
  return (
    <>
      {view === "raw" ? <CodeBlock text={text} label={`The ${side}, raw`} wrap /> : <Editor label={`The ${side}`} value={text} language="json" minLines={3} />}
      {body.cut && <p className="text-xs text-muted">Of {bytes(body.bytes)} only this beginning is kept.</p>}
      {clipped && <p className="text-xs text-muted">Only the beginning is drawn here; the copy has all that is kept.</p>}
    </>
  );
}

/** JSON is indented; the form that STS takes has a member a line. */
function prettyBody(text: string): string {
  if (/^[\w.]+=/.test(text)) return [...new URLSearchParams(text)].map(([name, value]) => `${name} = ${value}`).join("\n");
  return text.length > 4 << 20 ? text : prettyJson(text);
}
