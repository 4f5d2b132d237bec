import { useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import type { FormEvent, ReactElement } from "react";

import { request } from "@/api/client";
import { Outside } from "@/app/Outside";
import { Link, useNavigate } from "@/app/links";
import { localPath } from "@/lib/localPath";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

const FIELDS = ["/email", "/password"];

export default function SignIn(): ReactElement {
  const { next } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const form = useForm({ email: "", password: "" });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => request("post", "/v1/sign-in", { body: value }));
    if (!done) return;
    queries.clear();
    await navigate({ href: localPath(next) });
  };
  return (
    <Outside title="Sign in" about={<>New here? <Link to="/sign-up" className="font-medium text-accent underline">Sign up</Link></>}>
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="E-mail" error={form.faults["/email"]}>
          <Input type="email" autoComplete="username" required autoFocus value={form.value.email} onChange={(event) => form.set({ email: event.target.value })} />
        </Field>
        <Field label="Password" error={form.faults["/password"]} hint="Forgotten? An owner of your workspace can make a link to choose a new one.">
          <Input type="password" autoComplete="current-password" required value={form.value.password} onChange={(event) => form.set({ password: event.target.value })} />
        </Field>
        <ProblemNote error={form.error} fields={(pointer) => FIELDS.includes(pointer)} />
        <Button type="submit" kind="primary" busy={form.busy} className="w-full">Sign in</Button>
      </form>
    </Outside>
  );
}
