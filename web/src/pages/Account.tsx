import { useQueryClient } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import { request } from "@/api/client";
import { useGet } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { Link } from "@/app/links";
import { browserText } from "@/lib/format";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Chip, Section, Time } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { Loaded, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/Table";
import { told } from "@/ui/toast";

export default function Account(): ReactElement {
  const me = useGet("/v1/me");
  if (me.error instanceof Problem && me.error.code === "unauthenticated") return <Navigate to="/sign-in" search={{ next: "/account" }} replace />;
  return (
    <main className="mx-auto max-w-3xl space-y-8 px-4 py-6">
      <header>
        <Link to="/" className="text-xs text-muted hover:underline">Back to the workspace</Link>
        <h1 className="text-xl font-semibold tracking-tight">Account</h1>
        <p className="text-muted">{me.data?.email}</p>
      </header>
      <ChangePassword />
      <Sessions />
    </main>
  );
}

function ChangePassword(): ReactElement {
  const empty = { current_password: "", new_password: "" };
  const form = useForm(empty);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit(async (value) => (await request("post", "/v1/me/password", { body: value }), true));
    if (!done) return;
    form.reset(empty);
    told("Your password is changed.");
  };
  return (
    <Section title="Password" about="Changing it ends your other sessions.">
      <form onSubmit={(event) => void submit(event)} className="max-w-sm space-y-4">
        <Field label="Current password" error={form.faults["/current_password"]}>
          <Input type="password" autoComplete="current-password" required value={form.value.current_password} onChange={(event) => form.set({ current_password: event.target.value })} />
        </Field>
        <Field label="New password" error={form.faults["/new_password"]} hint="At least 10 characters.">
          <Input type="password" autoComplete="new-password" required minLength={10} value={form.value.new_password} onChange={(event) => form.set({ new_password: event.target.value })} />
        </Field>
        <ProblemNote error={form.error} fields={(pointer) => pointer in empty || pointer.slice(1) in empty} />
        <Button type="submit" kind="primary" busy={form.busy}>Change password</Button>
      </form>
    </Section>
  );
}

function Sessions(): ReactElement {
  const sessions = useGet("/v1/me/sessions");
  const queries = useQueryClient();
  const [ending, setEnding] = useState(false);
  const end = async () => {
    await request("post", "/v1/sign-out-everywhere");
    queries.clear();
    window.location.assign("/sign-in");
  };
  return (
    <Section title="Sessions" about="Where you are signed in." actions={<Button kind="danger" onClick={() => setEnding(true)}>Sign out everywhere</Button>}>
      <Loaded of={sessions} rows={2}>
        {(list) => (
          <Table
            label="Sessions"
            rows={list.items}
            rowKey={(session) => session.created_at}
            columns={[
              { name: "Browser", cell: (session) => <span className="flex items-center gap-2"><span className="truncate" title={session.user_agent ?? ""}>{browserText(session.user_agent)}</span>{session.current && <Chip>this one</Chip>}</span> },
              { name: "Last used", cell: (session) => <Time at={session.last_seen_at} /> },
              { name: "Ends", wide: true, cell: (session) => <Time at={session.expires_at} /> },
            ]}
          />
        )}
      </Loaded>
      <Confirm open={ending} onClose={() => setEnding(false)} title="Sign out everywhere?" action="Sign out everywhere" danger onConfirm={end}>
        Every browser that is signed in as you is signed out, this one too. API keys go on working.
      </Confirm>
    </Section>
  );
}
