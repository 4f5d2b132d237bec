import { ChevronDown, Copy, Pause, Play, RefreshCw, RotateCcw, Trash2 } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { Button, IconButton } from "@/ui/Button";
import { Confirm, Dialog } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { Menu, MenuItem, MenuLine } from "@/ui/Menu";
import { ProblemNote } from "@/ui/states";
import { failed, told } from "@/ui/toast";

type Asked = "full-resync" | "reset" | "delete" | "duplicate";

export function SyncActions({ sync, etag }: { sync: Schemas["Sync"]; etag: string | undefined }): ReactElement {
  const path = { sync_id: sync.id };
  const places = usePlaces();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const run = useChange("post", `${W}/syncs/{sync_id}/runs`, [`${W}/syncs`, `${W}/runs`]);
  const pause = useChange("post", `${W}/syncs/{sync_id}/pause`, [`${W}/syncs`]);
  const resume = useChange("post", `${W}/syncs/{sync_id}/resume`, [`${W}/syncs`]);
  const remove = useChange("delete", `${W}/syncs/{sync_id}`, [`${W}/syncs`]);
  const toggle = sync.paused ? resume : pause;
  const start = async (kind: Schemas["KindWanted"]) => {
    const { run: started, already_waiting } = await run.mutateAsync({ path, body: { kind } });
    if (already_waiting) told("A run waited already, and takes this along.");
    await navigate(places.run(started.id));
  };
  const close = () => setAsked(undefined);
  return (
    <>
      <Button kind="primary" needs="editor" busy={run.isPending} icon={<Play className="size-4" aria-hidden />} refusal={sync.held ? "It is held after a restore: decide first how it goes on" : sync.paused && "It is paused: resume it first"} onClick={() => void start("normal").catch(failed)}>Run now</Button>
      <Button needs="editor" busy={toggle.isPending} icon={sync.paused ? <Play className="size-4" aria-hidden /> : <Pause className="size-4" aria-hidden />} onClick={() => toggle.mutate({ path }, { onError: failed })}>{sync.paused ? "Resume" : "Pause"}</Button>
      <Menu trigger={<IconButton label="More" kind="plain"><ChevronDown className="size-4" aria-hidden /></IconButton>}>
        <MenuItem needs="editor" icon={<RefreshCw className="size-3.5" aria-hidden />} onSelect={() => setAsked("full-resync")}>Full resync</MenuItem>
        <MenuItem needs="editor" icon={<RotateCcw className="size-3.5" aria-hidden />} onSelect={() => setAsked("reset")}>Reset without sending</MenuItem>
        <MenuItem needs="editor" icon={<Copy className="size-3.5" aria-hidden />} onSelect={() => setAsked("duplicate")}>Duplicate</MenuItem>
        <MenuLine />
        <MenuItem danger needs="editor" icon={<Trash2 className="size-3.5" aria-hidden />} onSelect={() => setAsked("delete")}>Delete</MenuItem>
      </Menu>
      <Confirm open={asked === "full-resync"} onClose={close} title="Send every row again?" action="Start a full resync" onConfirm={() => start("full-resync")}>
        Every row of the model is sent again, also those that did not change. Whoever reads the stream sees them once more, with the same event ids as far as nothing changed.
      </Confirm>
      <Confirm open={asked === "reset"} onClose={close} title="Take the model as it is as known?" action="Reset" danger typed={sync.name} onConfirm={() => start("reset")}>
        Nothing is sent. All rows as they are now count as acknowledged; changes that were not sent before never will be.
      </Confirm>
      <Confirm open={asked === "delete"} onClose={close} title={`Delete ${sync.name}?`} action="Delete sync" danger typed={sync.name} onConfirm={async () => {
        await remove.mutateAsync({ path, ...(etag ? { ifMatch: etag } : {}) });
        await navigate({ ...places.syncs(), ignoreBlocker: true });
      }}>
        What was acknowledged and all of its runs are deleted. The stream keeps what it has.
      </Confirm>
      <Duplicate open={asked === "duplicate"} onClose={close} sync={sync} />
    </>
  );
}

function Duplicate({ open, onClose, sync }: { open: boolean; onClose: () => void; sync: Schemas["Sync"] }): ReactElement {
  const [name, setName] = useState(`${sync.name} (copy)`);
  const duplicate = useChange("post", `${W}/syncs/{sync_id}/duplicate`, [`${W}/syncs`]);
  const places = usePlaces();
  const navigate = useNavigate();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await duplicate.mutateAsync({ path: { sync_id: sync.id }, body: { name } }).catch(() => undefined);
    if (!made) return;
    onClose();
    told(`${name} is made. It has not run yet.`);
    await navigate(places.sync(made.id, "configuration"));
  };
  return (
    <Dialog open={open} onClose={onClose} title="Duplicate">
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="Name of the copy" hint="It has the same configuration, and a history of its own."><Input required maxLength={100} autoFocus value={name} onChange={(event) => setName(event.target.value)} /></Field>
        <ProblemNote error={duplicate.error} />
        <div className="flex justify-end gap-2"><Button onClick={onClose}>Cancel</Button><Button type="submit" kind="primary" busy={duplicate.isPending}>Duplicate</Button></div>
      </form>
    </Dialog>
  );
}
