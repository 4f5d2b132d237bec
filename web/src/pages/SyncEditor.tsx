import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Note, ProblemNote, Skeleton } from "@/ui/states";
import { told } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import { DraftPreview } from "./DraftPreview";
import { useShards, Watched } from "./RecordPreview";
import { SyncForm, useSample } from "./SyncForm";
import { SendRow } from "./SyncRows";
import { hasField, syncBody, syncValue } from "./syncValue";
import { useDraft } from "./useDraft";

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
  const takeSample = () => sample.mutate({ path: { model_id: form.value.model }, body: { rows: 100, sample: true } });
  const shards = useShards(form.value.destination, form.value.stream);
  const draft = useDraft({ value: form.value, sample: sample.data, takeSample, shards, sync: sync.id });
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ path: { sync_id: sync.id }, body: syncBody(value), ...(base.etag ? { ifMatch: base.etag } : {}) }));
    if (done) told("The sync is saved.");
  };
  return (
    <form onSubmit={(event) => void save(event)} className="grid gap-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Unsaved dirty={form.dirty} />
      <div className="min-w-0 space-y-6">
        <SyncForm value={form.value} set={form.set} faults={form.faults} sample={sample.data} mistakes={draft.mistakes} dirty={form.dirty} next={sync.next_fires} firstRunDone={sync.first_run_done} newestRun={sync.newest_run?.id} />
        {base.etag !== found.etag && form.dirty && <Note tone="warn">Somebody else has changed this sync meanwhile. Saving will be refused; copy what you need, then undo your changes.</Note>}
        <ProblemNote error={form.error} fields={hasField} />
        <div className="sticky bottom-0 z-10 -mx-1 flex gap-2 bg-bg px-1 py-3">
          <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={!form.dirty && "Nothing is changed"}>Save</Button>
          {form.dirty && <Button kind="quiet" onClick={() => form.reset(syncValue(sync))}>Undo the changes</Button>}
        </div>
      </div>
      <aside aria-label="Preview" className="min-w-0 space-y-4 lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:self-start lg:overflow-y-auto">
        {sample.error && <ProblemNote error={sample.error} onRetry={takeSample} />}
        {sample.isPending && <Skeleton rows={6} />}
        {sample.data && (
          <DraftPreview draft={draft} sample={sample.data} keys={model.data?.key ?? []} shards={shards} limit={form.value.limits.record_bytes}>
            {(key) => <SendRow small sync={sync} row={key} refusal={form.dirty && "Save your changes first"} />}
          </DraftPreview>
        )}
        <Watched sync={sync} />
      </aside>
    </form>
  );
}
