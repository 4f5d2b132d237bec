import type { FormEvent, ReactElement } from "react";
import { useEffect } from "react";

import { request } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { useWorkspaceId } from "@/app/workspace";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Note, ProblemNote, Skeleton } from "@/ui/states";
import { failed } from "@/ui/toast";
import { Unsaved } from "@/ui/Unsaved";

import { DraftPreview } from "./DraftPreview";
import { useShards } from "./RecordPreview";
import { SyncForm, useSample } from "./SyncForm";
import { hasField, NEW_SYNC, syncBody } from "./syncValue";
import { useDraft } from "./useDraft";

interface Props {
  model: string;
  destination: string;
  /** With the first run, if one was started. */
  onDone: (sync: string, run: string | undefined) => void;
}

export function SyncCreator({ model, destination, onDone }: Props): ReactElement {
  const workspace = useWorkspaceId();
  const form = useForm({ ...NEW_SYNC, model, destination });
  const { value, set } = form;
  const chosen = useGet(`${W}/models/{model_id}`, { path: { model_id: value.model } }, { enabled: value.model !== "" });
  const sample = useSample(value.model);
  const create = useChange("post", `${W}/syncs`, [`${W}/syncs`]);
  const found = chosen.data?.id === value.model ? chosen.data : undefined;
  const takeSample = () => value.model && sample.mutate({ path: { model_id: value.model }, body: { rows: 100, sample: true } });
  const shards = useShards(value.destination, value.stream);
  const draft = useDraft({ value, sample: sample.data, takeSample, shards });
  useEffect(() => {
    if (!found) return;
    // The primary key is the best partition key; only where it is one column it can be taken by its name.
    const one = found.key.length === 1 ? found.key[0] : undefined;
    const text = found.key.map((column) => `{{ row.${column} }}`).join("-");
    set({ ...(value.name === "" ? { name: found.name } : {}), ...(value.partition.text === "" ? { partition: one ? { way: "column", text: one } : { way: "template", text } } : {}) });
    // Only when another model is chosen.
  }, [found?.id]); // oxlint-disable-line react-hooks/exhaustive-deps
  const save = async (event: FormEvent, run: boolean) => {
    event.preventDefault();
    const made = await form.submit((body) => create.mutateAsync({ body: syncBody(body) }));
    if (!made) return;
    // The sync is saved by now, so its page is where to go even if the run could not be started.
    const started = run ? await request("post", `${W}/syncs/{sync_id}/runs`, { path: { workspace_id: workspace, sync_id: made.id }, body: { kind: "normal" } }).catch((error: unknown) => void failed(error)) : undefined;
    onDone(made.id, started?.run.id);
  };
  return (
    <form onSubmit={(event) => void save(event, false)} className="grid gap-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Unsaved dirty={form.dirty && value.model !== ""} />
      <div className="min-w-0 space-y-6">
        <SyncForm value={value} set={set} faults={form.faults} sample={sample.data} mistakes={draft.mistakes} dirty />
        <ProblemNote error={form.error} fields={hasField} />
        <div className="sticky bottom-0 z-10 -mx-1 flex flex-wrap gap-2 bg-bg px-1 py-3">
          <Button kind="primary" needs="editor" busy={form.busy} onClick={(event) => event.currentTarget.form?.reportValidity() && void save(event, true)}>Save and run</Button>
          <Button type="submit" needs="editor" busy={form.busy}>Save without running</Button>
        </div>
      </div>
      <aside aria-label="Preview" className="min-w-0 space-y-3 lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:self-start lg:overflow-y-auto">
        {sample.error && <ProblemNote error={sample.error} onRetry={takeSample} />}
        {sample.data ? <DraftPreview draft={draft} sample={sample.data} keys={found?.key ?? []} shards={shards} limit={value.limits.record_bytes} /> : sample.isPending ? <Skeleton rows={6} /> : !sample.error && <Note>Choose a model; the records of its first rows are shown here.</Note>}
      </aside>
    </form>
  );
}
