import { ArrowRight } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { requestVersioned } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import { useWorkspaceId } from "@/app/workspace";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { ProblemNote } from "@/ui/states";
import { Unsaved } from "@/ui/Unsaved";

import { NEW_SOURCE, SOURCE_FIELDS, sourceBody, SourceForm } from "./SourceForm";
import { SourceVerdict, useSourceTest } from "./SourceTest";

/** Saves a source and tests it. What is wrong with it can be corrected here, in the same form. */
export function SourceCreator({ onDone }: { onDone: (id: string) => void }): ReactElement {
  const workspace = useWorkspaceId();
  const form = useForm(NEW_SOURCE);
  const create = useChange("post", `${W}/sources`, [`${W}/sources`]);
  const update = useChange("put", `${W}/sources/{source_id}`, [`${W}/sources`]);
  const test = useSourceTest();
  const [made, setMade] = useState<string>();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    test.reset();
    const saved = await form.submit(async (value): Promise<Schemas["Source"]> => {
      if (!made) return create.mutateAsync({ body: sourceBody(value) });
      const path = { source_id: made };
      const { etag } = await requestVersioned("get", `${W}/sources/{source_id}`, { path: { workspace_id: workspace, ...path } });
      return update.mutateAsync({ path, body: sourceBody(value), ...(etag ? { ifMatch: etag } : {}) });
    });
    if (!saved) return;
    setMade(saved.id);
    test.mutate({ path: { source_id: saved.id } });
  };
  return (
    <form onSubmit={(event) => void save(event)} className="space-y-5">
      <Unsaved dirty={form.dirty} />
      <SourceForm value={form.value} set={form.set} faults={form.faults} kept={made ? { set: form.value.password !== "" } : undefined} />
      <ProblemNote error={form.error} fields={(pointer) => SOURCE_FIELDS.includes(pointer)} />
      <SourceVerdict test={test} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" kind={test.isSuccess && !form.dirty ? "plain" : "primary"} needs="editor" busy={form.busy || test.isPending}>{made ? "Save and test again" : "Save and test"}</Button>
        {made && (
          <Button kind={test.isSuccess ? "primary" : "quiet"} onClick={() => onDone(made)}>
            {test.isSuccess ? "Go on" : "Go on without a working test"} <ArrowRight className="size-4" aria-hidden />
          </Button>
        )}
      </div>
    </form>
  );
}
