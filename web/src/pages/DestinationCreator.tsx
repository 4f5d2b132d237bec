import { ArrowRight } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { requestVersioned } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import { useWorkspaceId } from "@/app/workspace";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Section } from "@/ui/bits";
import { ProblemNote } from "@/ui/states";
import { Unsaved } from "@/ui/Unsaved";

import { DESTINATION_FIELDS, destinationBody, DestinationForm, NEW_DESTINATION } from "./DestinationForm";
import { usable } from "./verification";
import { useVerify, Verify } from "./Verify";

/** Saves a destination, then verifies it; a role can be corrected in AWS meanwhile, and verified again. */
export function DestinationCreator({ onDone }: { onDone: (id: string) => void }): ReactElement {
  const workspace = useWorkspaceId();
  const form = useForm(NEW_DESTINATION);
  const touched = [`${W}/destinations`] as const;
  const create = useChange("post", `${W}/destinations`, [...touched]);
  const update = useChange("put", `${W}/destinations/{destination_id}`, [...touched]);
  const verify = useVerify();
  const [made, setMade] = useState<Schemas["Destination"]>();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    verify.reset();
    const saved = await form.submit(async (value): Promise<Schemas["Destination"]> => {
      if (!made) return create.mutateAsync({ body: destinationBody(value) });
      const path = { destination_id: made.id };
      const { etag } = await requestVersioned("get", `${W}/destinations/{destination_id}`, { path: { workspace_id: workspace, ...path } });
      return update.mutateAsync({ path, body: destinationBody(value), ...(etag ? { ifMatch: etag } : {}) });
    });
    if (!saved) return;
    setMade(saved);
    verify.mutate({ path: { destination_id: saved.id }, body: {} });
  };
  const works = verify.data !== undefined && usable(verify.data);
  return (
    <div className="space-y-6">
      <form onSubmit={(event) => void save(event)} className="space-y-5">
        <Unsaved dirty={form.dirty} />
        <DestinationForm value={form.value} set={form.set} faults={form.faults} kept={made?.credentials} />
        <ProblemNote error={form.error} fields={(pointer) => DESTINATION_FIELDS.includes(pointer)} />
        <Button type="submit" kind={made && !form.dirty ? "plain" : "primary"} needs="editor" busy={form.busy || verify.isPending}>{made ? "Save and verify again" : "Save and verify"}</Button>
      </form>
      {made && (
        <Section title="What was proved">
          <Verify destination={made} verify={verify} />
          <Button kind={works ? "primary" : "quiet"} onClick={() => onDone(made.id)}>
            {works ? "Go on" : "Go on without the proof"} <ArrowRight className="size-4" aria-hidden />
          </Button>
        </Section>
      )}
    </div>
  );
}
