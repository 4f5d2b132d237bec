import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted, keyText, number } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Time } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Note } from "@/ui/states";
import { told } from "@/ui/toast";

interface Asked {
  questions?: string[];
  removals?: number;
  snapshot?: number;
  invalid_keys?: number;
  first_keys?: unknown[];
}

/** What a guard asks: how much would be lost, the first keys, and the answers there are. */
export function ApprovalNote({ approval }: { approval: Schemas["Approval"] }): ReactElement {
  const shown = approval.shown as Asked;
  const [asked, setAsked] = useState<Schemas["Choice"]>();
  const places = usePlaces();
  const navigate = useNavigate();
  const decide = useChange("post", `${W}/approvals/{approval_id}/decide`, [`${W}/syncs`, `${W}/runs`, `${W}/approvals/{approval_id}`]);
  const removals = shown.removals ?? 0;
  const share = shown.snapshot ? ` of ${number(shown.snapshot)} (${((removals / shown.snapshot) * 100).toFixed(1)}%)` : "";
  const send = async (decision: Schemas["Choice"]) => {
    const done = await decide.mutateAsync({ path: { approval_id: approval.id }, body: { decision } });
    if (done.requested) await navigate(places.run(done.requested.run.id));
    else told("It is dismissed. Nothing was removed.");
  };
  const about: Record<Schemas["Choice"], { label: string; title: string; text: string; typed?: string }> = {
    approve: { label: `Approve removing ${counted(removals, "row")}`, title: `Remove ${counted(removals, "row")}?`, text: "A run starts now and sends a removal for each of them, and everything else that changed.", ...(removals > 1000 ? { typed: String(removals) } : {}) },
    hold: { label: "Send the rest, keep these", title: "Send everything but the removals?", text: "A run starts now and sends what was added and changed. The removals are kept for later." },
    forget: { label: "Forget without telling", title: `Forget ${counted(removals, "row")} without a removal?`, text: "They count as gone without the stream being told. If they come back, they are sent as added.", typed: String(removals) },
    dismiss: { label: "Dismiss", title: "Dismiss it?", text: "Nothing is sent now. The next run looks again, and asks again if it has to." },
  };
  const order: Schemas["Choice"][] = ["approve", "hold", "forget", "dismiss"];
  const open = approval.state === "open";
  return (
    <Note
      tone={open ? "warn" : "info"}
      title={open ? `Guarded: ${counted(removals, "row")}${share} would be removed${shown.invalid_keys ? `, and ${counted(shown.invalid_keys, "key")} became invalid` : ""}` : `A guard asked about ${counted(removals, "removal")}; it is ${approval.state}`}
      actions={open ? order.map((choice) => <Button key={choice} small needs="editor" kind={choice === "approve" ? "danger" : "plain"} onClick={() => setAsked(choice)}>{about[choice].label}</Button>) : undefined}
    >
      {open && <p>Nothing was sent. If a filter or a broken load emptied the model by accident, mend it and dismiss this. Asked by <Link {...places.run(approval.run)} className="underline">a run</Link> <Time at={approval.created_at} />.</p>}
      {shown.first_keys && shown.first_keys.length > 0 && (
        <details className="mt-1">
          <summary>The first {shown.first_keys.length} keys</summary>
          <p className="mt-1 max-h-40 overflow-y-auto font-mono text-xs break-all">{shown.first_keys.map(keyText).join(", ")}</p>
        </details>
      )}
      {asked && (
        <Confirm open onClose={() => setAsked(undefined)} title={about[asked].title} action={about[asked].label} danger={asked === "approve" || asked === "forget"} {...(about[asked].typed ? { typed: about[asked].typed } : {})} onConfirm={() => send(asked)}>
          {about[asked].text}
        </Confirm>
      )}
    </Note>
  );
}
