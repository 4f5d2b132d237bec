import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Note, ProblemNote } from "@/ui/states";
import { told } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import { RecordPreview, useSyncPreview } from "./RecordPreview";
import { SampleRow } from "./SampleRow";
import { SyncForm, useSample } from "./SyncForm";
import { hasField, syncBody, syncValue } from "./syncValue";

export function SyncEditor({ found }: { found: Versioned<Schemas["Sync"]> }): ReactElement {
  const sync = found.data;
  const form = useForm(syncValue(sync));
  const [base, setBase] = useState(found);
  if (base.etag !== found.etag && !form.dirty) {
    setBase(found);
    form.reset(syncValue(sync));
  }
  const update = useChange("put", `${W}/syncs/{sync_id}`, [`${W}/syncs`]);
  const model = useGet(`${W}/models/{model_id}`, { path: { model_id: form.value.model } });
  const sample = useSample(form.value.model);
  const preview = useSyncPreview();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ path: { sync_id: sync.id }, body: syncBody(value), ...(base.etag ? { ifMatch: base.etag } : {}) }));
    if (!done) return;
    told("The sync is saved.");
    preview.mutate({ path: { sync_id: sync.id }, body: { records: 20, full_resync: true } });
  };
  return (
    <form onSubmit={(event) => void save(event)} className="grid gap-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Unsaved dirty={form.dirty} />
      <div className="min-w-0 space-y-6">
        <SyncForm value={form.value} set={form.set} faults={form.faults} sample={sample.data} dirty={form.dirty} next={sync.next_fires} firstRunDone={sync.first_run_done} />
        {base.etag !== found.etag && form.dirty && <Note tone="warn">Somebody else has changed this sync meanwhile. Saving will be refused; copy what you need, then undo your changes.</Note>}
        <ProblemNote error={form.error} fields={hasField} />
        <div className="sticky bottom-0 z-10 -mx-1 flex gap-2 bg-bg px-1 py-3">
          <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={!form.dirty && "Nothing is changed"}>Save</Button>
          {form.dirty && <Button kind="quiet" onClick={() => form.reset(syncValue(sync))}>Undo the changes</Button>}
        </div>
      </div>
      <aside aria-label="Preview" className="min-w-0 space-y-4 lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:self-start lg:overflow-y-auto">
        <RecordPreview sync={sync} preview={preview} unsaved={form.dirty} />
        {sample.error && <ProblemNote error={sample.error} />}
        {sample.data && <SampleRow sample={sample.data} keys={model.data?.key ?? []} />}
      </aside>
    </form>
  );
}
