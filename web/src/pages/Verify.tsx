import { Check, CircleDashed, Minus, X } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useJob, W } from "@/api/hooks";
import type { Verification } from "@/api/jobs";
import { Button } from "@/ui/Button";
import { Time } from "@/ui/bits";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

import type { Line } from "./verification";
import { checklist, usable } from "./verification";

const ICONS: Record<Line["state"], ReactElement> = {
  proved: <Check className="size-4 text-good" aria-label="proved" />,
  failed: <X className="size-4 text-bad" aria-label="failed" />,
  unknown: <CircleDashed className="size-4 text-faint" aria-label="not known" />,
  optional: <Minus className="size-4 text-faint" aria-label="not needed" />,
};

export function useVerify() {
  return useJob<Verification, `${typeof W}/destinations/{destination_id}/verify`>(`${W}/destinations/{destination_id}/verify`, [`${W}/destinations`, `${W}/destinations/{destination_id}`]);
}

/** What we are allowed to do and have proved, one line each. A tick stands only for what was really tried. */
export function Verify({ destination, verify }: { destination: Schemas["Destination"]; verify: ReturnType<typeof useVerify> }): ReactElement {
  const [stream, setStream] = useState("");
  const found = verify.data ?? (destination.verification as unknown as Verification | undefined);
  const lines = checklist(found, destination.credentials.type === "role");
  const start = () => verify.mutate({ path: { destination_id: destination.id }, body: stream ? { stream } : {} });
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-end gap-2">
        <Field label="Try it on this stream" optional className="w-full sm:w-96" hint="Without writing: as a dry run, where the endpoint knows them.">
          <Input value={stream} onChange={(event) => setStream(event.target.value.trim())} placeholder="customers" />
        </Field>
        <Button needs="editor" kind={found && usable(found) ? "plain" : "primary"} busy={verify.isPending} onClick={start} className="mb-5">{found ? "Verify again" : "Verify"}</Button>
      </div>
      {verify.error && <ProblemNote error={verify.error} />}
      <ul className="divide-y divide-line rounded-lg border border-line bg-surface" aria-busy={verify.isPending}>
        {lines.map((line) => (
          <li key={line.id} data-check={line.id} data-state={line.state} className="flex gap-3 px-3 py-2">
            <span className="mt-0.5 shrink-0">{ICONS[line.state]}</span>
            <div className="min-w-0">
              <p>{line.claim}</p>
              {line.detail && <p className="text-xs break-words text-muted">{line.detail}</p>}
            </div>
          </li>
        ))}
      </ul>
      {destination.verified_at && <p className="text-xs text-muted">Last proof <Time at={destination.verified_at} />.</p>}
    </div>
  );
}
