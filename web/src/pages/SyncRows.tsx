import { Eraser, Send } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { Button, LinkButton } from "@/ui/Button";
import { Section } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { Loaded } from "@/ui/states";
import { failed, told } from "@/ui/toast";

/** What can be done with one row, named by its key. */
export function SyncRows({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const model = useGet(`${W}/models/{model_id}`, { path: { model_id: sync.model } });
  return <Loaded of={model} rows={2}>{(found) => <OfKey sync={sync} columns={found.key} />}</Loaded>;
}

function OfKey({ sync, columns }: { sync: Schemas["Sync"]; columns: string[] }): ReactElement {
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [erasing, setErasing] = useState(false);
  const places = usePlaces();
  const navigate = useNavigate();
  const erase = useChange("post", `${W}/syncs/{sync_id}/erase-key`, [`${W}/runs`, `${W}/syncs`]);
  const key = Object.fromEntries(columns.map((column) => [column, typed[column] ?? ""]));
  const text = Object.values(key).join(", ");
  const lacking = columns.find((column) => !typed[column]);
  const refusal = lacking !== undefined && `Fill in ${lacking} first`;
  return (
    <div className="max-w-3xl space-y-8">
      <Section title="A row" about="By the values of its primary key.">
        <div className="grid gap-4 sm:grid-cols-2">
          {columns.map((column) => (
            <Field key={column} label={<span className="font-mono text-xs">{column}</span>}>
              <Input mono autoComplete="off" value={typed[column] ?? ""} onChange={(event) => setTyped({ ...typed, [column]: event.target.value })} />
            </Field>
          ))}
        </div>
      </Section>
      <Section title="Send it now" about="As the model has it at this moment, whether it changed or not. All other rows are left as they are. To test a receiver, or to repair one of its rows.">
        <SendRow sync={sync} row={key} refusal={refusal} />
      </Section>
      <Section title="What happened to it" about="In every run that the log has: what changed, the message, where it landed, and why it did not."><LinkButton {...places.timeline(sync.id, lacking === undefined ? JSON.stringify(key) : undefined)}>Its timeline</LinkButton></Section>
      <Section title="Erase its values" about="When somebody asks to be forgotten: all that this service keeps of the key goes, in what was acknowledged, in rejections, invalid rows and requests for approval.">
        <p className="max-w-prose text-[13px] text-muted">Delete the row in the source first: if the model still returns it, the next run sends it as added. If it is gone, no removal is sent. The stream keeps the records that it has, and backups of the service are not changed.</p>
        <Button kind="danger" needs="admin" icon={<Eraser className="size-4" aria-hidden />} refusal={refusal} onClick={() => setErasing(true)}>Erase its values</Button>
      </Section>
      <Confirm open={erasing} onClose={() => setErasing(false)} title={`Erase what is kept of ${text}?`} action="Erase its values" danger typed={text} onConfirm={async () => {
        const { run, already_waiting } = await erase.mutateAsync({ path: { sync_id: sync.id }, body: { key } });
        if (already_waiting) told("An erasure waited already, and takes this key along.");
        await navigate(places.run(run));
      }}>
        This cannot be undone. A run does it, also while the sync is paused, and tells afterwards how many keys it erased, not which.
      </Confirm>
    </div>
  );
}

/** Sends one row whatever its state, and goes to the run that does so. */
export function SendRow({ sync, row, refusal, small }: { sync: Schemas["Sync"]; row: unknown; refusal?: string | false; small?: boolean }): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  const send = useChange("post", `${W}/syncs/{sync_id}/send-rows`, [`${W}/runs`, `${W}/syncs`]);
  const start = () => send.mutate({ path: { sync_id: sync.id }, body: { rows: [row] } }, { onSuccess: (made) => void navigate(places.run(made.run.id)), onError: failed });
  return <Button small={small ?? false} needs="editor" busy={send.isPending} icon={<Send className="size-3.5" aria-hidden />} refusal={refusal || (sync.paused && "The sync is paused: resume it first")} onClick={start}>Send this row now</Button>;
}
