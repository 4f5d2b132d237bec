import type { FormEvent, ReactElement } from "react";

import { useChange, W } from "@/api/hooks";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { ProblemNote } from "@/ui/states";
import { Unsaved } from "@/ui/Unsaved";

import { MODEL_FIELDS, ModelEditor } from "./ModelEditor";

export function ModelCreator({ source, onDone }: { source: string; onDone: (id: string) => void }): ReactElement {
  const form = useForm({ name: "", source, query: "", key: [] as string[], connections: 1 });
  const create = useChange("post", `${W}/models`, [`${W}/models`]);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const made = await form.submit((value) => create.mutateAsync({ body: value }));
    if (made) onDone(made.id);
  };
  return (
    <form onSubmit={(event) => void save(event)} className="space-y-5">
      <Unsaved dirty={form.dirty} />
      <ModelEditor value={form.value} set={form.set} faults={form.faults} />
      <ProblemNote error={form.error} fields={(pointer) => MODEL_FIELDS.includes(pointer)} />
      <Button type="submit" kind="primary" needs="editor" busy={form.busy} refusal={form.value.key.length === 0 && "Run the query and choose its primary key first"}>Save the model</Button>
    </form>
  );
}
