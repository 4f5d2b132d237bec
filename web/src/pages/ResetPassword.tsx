import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import { request } from "@/api/client";
import { Outside } from "@/app/Outside";
import { useNavigate } from "@/app/links";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";
import { told } from "@/ui/toast";

export default function ResetPassword(): ReactElement {
  const [token] = useState(() => window.location.hash.slice(1));
  const navigate = useNavigate();
  const form = useForm({ new_password: "" });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit(async (value) => (await request("post", "/v1/password-reset", { body: { ...value, token } }), true));
    if (!done) return;
    told("The new password is set. Sign in with it.");
    await navigate({ to: "/sign-in" });
  };
  return (
    <Outside title="Choose a new password" about="All sessions that are open now end.">
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="New password" error={form.faults["/new_password"]} hint="At least 10 characters.">
          <Input type="password" autoComplete="new-password" required minLength={10} autoFocus value={form.value.new_password} onChange={(event) => form.set({ new_password: event.target.value })} />
        </Field>
        <ProblemNote error={form.error} fields={(pointer) => pointer === "/new_password"} />
        <Button type="submit" kind="primary" busy={form.busy} className="w-full">Set the password</Button>
      </form>
    </Outside>
  );
}
