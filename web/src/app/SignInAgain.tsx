import { useQueryClient } from "@tanstack/react-query";
import type { FormEvent, ReactElement } from "react";
import { useEffect, useState } from "react";

import { onSignedOut, request } from "@/api/client";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

import { useSurroundings } from "./workspace";

/** When a session ends while somebody works, they sign in above the page: what they typed stays. */
export function SignInAgain(): ReactElement {
  const { me } = useSurroundings();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  useEffect(() => onSignedOut(() => setOpen(true)), []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await request("post", "/v1/sign-in", { body: { email: me.email, password } });
      setOpen(false);
      setPassword("");
      setError(undefined);
      void queries.invalidateQueries();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onClose={() => undefined} title="Your session has ended">
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <p className="text-muted">Sign in again as {me.email}. What you typed on the page is still there; save it afterwards.</p>
        <Field label="Password">
          <Input type="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} required autoFocus />
        </Field>
        <ProblemNote error={error} />
        <div className="flex justify-end">
          <Button type="submit" kind="primary" busy={busy}>Sign in</Button>
        </div>
      </form>
    </Dialog>
  );
}
