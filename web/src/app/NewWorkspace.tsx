import { useQueryClient } from "@tanstack/react-query";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import { request } from "@/api/client";
import { useNavigate } from "@/app/links";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

import { placesOf } from "./places";

export function NewWorkspace({ open, onClose }: { open: boolean; onClose: () => void }): ReactElement {
  const [name, setName] = useState("");
  const [error, setError] = useState<unknown>();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const made = await request("post", "/v1/workspaces", { body: { name } });
      await queries.invalidateQueries({ queryKey: ["/v1/workspaces"] });
      onClose();
      await navigate(placesOf(made.id).overview());
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Dialog open={open} onClose={onClose} title="New workspace">
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="Name" hint="A team, or an environment such as staging. Nothing is shared between workspaces.">
          <Input value={name} onChange={(event) => setName(event.target.value)} required maxLength={100} autoFocus />
        </Field>
        <ProblemNote error={error} />
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary">Create workspace</Button>
        </div>
      </form>
    </Dialog>
  );
}
