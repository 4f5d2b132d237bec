import { KeyRound } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { mayAs, useRefusal, useSurroundings } from "@/app/workspace";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { CodeBlock, Section, Status, Time } from "@/ui/bits";
import { Confirm, Dialog } from "@/ui/Dialog";
import { Field, Input, Select } from "@/ui/Field";
import { Empty, Loaded, Note, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/Table";

import { ROLES } from "./Members";

export function Keys(): ReactElement {
  const refused = useRefusal("admin");
  return refused ? <Note>{refused}</Note> : <List />;
}

function List(): ReactElement {
  const keys = useGet(`${W}/api-keys`, { query: { limit: 200 } });
  const revoke = useChange("delete", `${W}/api-keys/{key_id}`, [`${W}/api-keys`]);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Schemas["ApiKey"]>();
  return (
    <Section title="API keys" about="For programs. Everything that these pages do can be done with the API, described at /docs." actions={<Button kind="primary" icon={<KeyRound className="size-4" aria-hidden />} onClick={() => setCreating(true)}>New key</Button>}>
      <Loaded of={keys} rows={3}>
        {(list) => (
          <Table
            label="API keys"
            rows={list.items}
            rowKey={(key) => key.id}
            empty={<Empty title="No key yet" />}
            columns={[
              { name: "Name", cell: (key) => <span className="font-medium">{key.name}</span> },
              { name: "State", cell: (key) => <Status tone={key.state === "active" ? "good" : "quiet"}>{key.state}</Status> },
              { name: "Role", cell: (key) => key.role },
              { name: "Key", wide: true, cell: (key) => <code className="font-mono text-xs text-muted">…{key.hint}</code> },
              { name: "Last used", wide: true, cell: (key) => <Time at={key.last_used_at} /> },
              { name: "Ends", wide: true, cell: (key) => <Time at={key.expires_at} /> },
              { name: <span className="sr-only">Actions</span>, right: true, cell: (key) => key.state === "active" && <Button small kind="danger" onClick={() => setRevoking(key)}>Revoke</Button> },
            ]}
          />
        )}
      </Loaded>
      <Create open={creating} onClose={() => setCreating(false)} />
      {revoking && <Confirm open onClose={() => setRevoking(undefined)} title={`Revoke ${revoking.name}?`} action="Revoke" danger onConfirm={() => revoke.mutateAsync({ path: { key_id: revoking.id } })}>Whatever uses it is refused from now on. A revoked key cannot be brought back.</Confirm>}
    </Section>
  );
}

function Create({ open, onClose }: { open: boolean; onClose: () => void }): ReactElement {
  const { workspace } = useSurroundings();
  const form = useForm({ name: "", role: "editor" as Schemas["Role"], days: "" });
  const create = useChange("post", `${W}/api-keys`, [`${W}/api-keys`]);
  const [key, setKey] = useState<string>();
  const close = () => (setKey(undefined), form.reset({ name: "", role: "editor", days: "" }), onClose());
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await form.submit(({ name, role, days }) => create.mutateAsync({ body: { name, role, ...(days ? { expires_at: new Date(Date.now() + Number(days) * 86_400_000).toISOString() } : {}) } }));
    if (made) setKey(made.key);
  };
  return (
    <Dialog open={open} onClose={close} title={key ? "The key, shown this once" : "New API key"}>
      {key ? (
        <div className="space-y-3"><p className="text-muted">Keep it where your program's secrets are. It cannot be shown again.</p><CodeBlock label="API key" text={key} wrap /></div>
      ) : (
        <form onSubmit={(event) => void submit(event)} className="space-y-4">
          <Field label="Name" error={form.faults["/name"]} hint="What uses it."><Input required maxLength={100} autoFocus value={form.value.name} onChange={(event) => form.set({ name: event.target.value })} /></Field>
          <Field label="Role" error={form.faults["/role"]}><Select value={form.value.role} onChange={(event) => form.set({ role: event.target.value as Schemas["Role"] })}>{ROLES.map((role) => <option key={role.value} value={role.value} disabled={!mayAs(workspace.role, role.value)}>{role.label}</option>)}</Select></Field>
          <Field label="Ends" error={form.faults["/expires_at"]}><Select value={form.value.days} onChange={(event) => form.set({ days: event.target.value })}><option value="">never</option><option value="30">in 30 days</option><option value="90">in 90 days</option><option value="365">in a year</option></Select></Field>
          <ProblemNote error={form.error} fields={(pointer) => ["/name", "/role", "/expires_at"].includes(pointer)} />
          <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button type="submit" kind="primary" busy={form.busy}>Make the key</Button></div>
        </form>
      )}
    </Dialog>
  );
}
