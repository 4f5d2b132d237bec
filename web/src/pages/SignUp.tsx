import { useQueryClient } from "@tanstack/react-query";
import type { FormEvent, ReactElement } from "react";

import { request } from "@/api/client";
import { Outside } from "@/app/Outside";
import { Link, useNavigate } from "@/app/links";
import { placesOf } from "@/app/places";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

const FIELDS = ["/email", "/password", "/workspace_name"];

export default function SignUp(): ReactElement {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const form = useForm({ email: "", password: "", workspace_name: "" });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => request("post", "/v1/sign-up", { body: value }));
    if (!done) return;
    queries.clear();
    await navigate(placesOf(done.workspace_id).setup());
  };
  return (
    <Outside title="Sign up" about={<>Already here? <Link to="/sign-in" className="font-medium text-accent underline">Sign in</Link></>}>
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="E-mail" error={form.faults["/email"]}>
          <Input type="email" autoComplete="username" required autoFocus value={form.value.email} onChange={(event) => form.set({ email: event.target.value })} />
        </Field>
        <Field label="Password" error={form.faults["/password"]} hint="At least 10 characters. A sentence is easy to remember.">
          <Input type="password" autoComplete="new-password" required minLength={10} value={form.value.password} onChange={(event) => form.set({ password: event.target.value })} />
        </Field>
        <Field label="Name of your workspace" error={form.faults["/workspace_name"]} hint="Your team or company. You can change it later.">
          <Input required maxLength={100} value={form.value.workspace_name} onChange={(event) => form.set({ workspace_name: event.target.value })} />
        </Field>
        <ProblemNote error={form.error} fields={(pointer) => FIELDS.includes(pointer)} />
        <Button type="submit" kind="primary" busy={form.busy} className="w-full">Sign up</Button>
      </form>
    </Outside>
  );
}
