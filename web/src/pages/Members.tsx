import { UserPlus } from "lucide-react";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, useGet, useWhole, W } from "@/api/hooks";
import { mayAs, useRefusal, useSurroundings } from "@/app/workspace";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Chip, CodeBlock, Section, Time } from "@/ui/bits";
import { Confirm, Dialog } from "@/ui/Dialog";
import { Field, Input, Select } from "@/ui/Field";
import { Empty, Loaded, Note, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/Table";
import { failed } from "@/ui/toast";

export const ROLES: { value: Schemas["Role"]; label: string }[] = [
  { value: "viewer", label: "viewer: sees everything" },
  { value: "editor", label: "editor: sets up and runs" },
  { value: "admin", label: "admin: also members and keys" },
  { value: "owner", label: "owner: everything" },
];

type Asked = { kind: "remove" | "reset"; member: Schemas["Member"] };

export function Members(): ReactElement {
  const { me, workspace } = useSurroundings();
  const members = useWhole(`${W}/members`);
  const update = useChange("put", `${W}/members/{person_id}`, [`${W}/members`, "/v1/workspaces"]);
  const remove = useChange("delete", `${W}/members/{person_id}`, [`${W}/members`]);
  const reset = useChange("post", `${W}/members/{person_id}/password-reset`);
  const [asked, setAsked] = useState<Asked>();
  const [link, setLink] = useState<string>();
  const refused = useRefusal("admin");
  return (
    <div className="space-y-10">
      <Section title="Members">
        <Loaded of={members}>
          {(list) => (
            <Table
              label="Members"
              rows={list}
              rowKey={(member) => member.person_id}
              columns={[
                { name: "E-mail", cell: (member) => <span className="flex flex-wrap items-center gap-2 break-all">{member.email}{member.person_id === me.id && <Chip>you</Chip>}</span> },
                { name: "Role", cell: (member) => (
                  <Select aria-label={`Role of ${member.email}`} title={refused} disabled={refused !== undefined} className="w-28 min-w-28 px-2 md:w-32" value={member.role} onChange={(event) => update.mutate({ path: { person_id: member.person_id }, body: { role: event.target.value as Schemas["Role"] } }, { onError: failed })}>
                    {ROLES.map((role) => <option key={role.value} value={role.value} disabled={!mayAs(workspace.role, role.value)}>{role.value}</option>)}
                  </Select>
                ) },
                { name: "Since", wide: true, cell: (member) => <Time at={member.created_at} /> },
                { name: <span className="sr-only">Actions</span>, right: true, cell: (member) => member.person_id === me.id ? null : (
                  <span className="flex justify-end gap-1">
                    <Button small kind="quiet" needs="owner" onClick={() => setAsked({ kind: "reset", member })}>Reset password</Button>
                    <Button small kind="danger" needs="admin" onClick={() => setAsked({ kind: "remove", member })}>Remove</Button>
                  </span>
                ) },
              ]}
            />
          )}
        </Loaded>
      </Section>
      {refused ? <Note>{refused} Invitations are shown to admins.</Note> : <Invitations />}
      {asked && (
        <Confirm open onClose={() => setAsked(undefined)} title={asked.kind === "remove" ? `Remove ${asked.member.email}?` : `A link for ${asked.member.email} to choose a new password?`} action={asked.kind === "remove" ? "Remove" : "Make the link"} danger={asked.kind === "remove"} onConfirm={async () => {
          const path = { person_id: asked.member.person_id };
          if (asked.kind === "remove") await remove.mutateAsync({ path });
          else setLink((await reset.mutateAsync({ path })).link);
        }}>
          {asked.kind === "remove" ? "They lose access at once. Keys that they made go on working; revoke these if need be." : "Hand it over in person: whoever has it can sign in as them. It works once."}
        </Confirm>
      )}
      <Dialog open={link !== undefined} onClose={() => setLink(undefined)} title="The link, shown this once">
        {link && <CodeBlock label="Link" text={link} wrap />}
      </Dialog>
    </div>
  );
}

function Invitations(): ReactElement {
  const { workspace } = useSurroundings();
  const invitations = useGet(`${W}/invitations`, { query: { limit: 200 } });
  const create = useChange("post", `${W}/invitations`, [`${W}/invitations`]);
  const revoke = useChange("delete", `${W}/invitations/{invitation_id}`, [`${W}/invitations`]);
  const [open, setOpen] = useState(false);
  const [link, setLink] = useState<string>();
  const form = useForm({ email: "", role: "editor" as Schemas["Role"] });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await form.submit(({ email, role }) => create.mutateAsync({ body: { role, ...(email ? { email } : {}) } }));
    if (!made) return;
    setLink(made.link);
    form.reset({ email: "", role: "editor" });
  };
  const close = () => (setOpen(false), setLink(undefined));
  return (
    <Section title="Invitations" about="Links that make whoever opens them a member, once." actions={<Button icon={<UserPlus className="size-4" aria-hidden />} onClick={() => setOpen(true)}>Invite</Button>}>
      <Loaded of={invitations} rows={2}>
        {(list) => (
          <Table
            label="Invitations"
            rows={list.items}
            rowKey={(invitation) => invitation.id}
            empty={<Empty title="No invitation is open" />}
            columns={[
              { name: "For", cell: (invitation) => invitation.email ?? "whoever has the link" },
              { name: "Role", cell: (invitation) => invitation.role },
              { name: "Ends", cell: (invitation) => <Time at={invitation.expires_at} /> },
              { name: <span className="sr-only">Actions</span>, right: true, cell: (invitation) => <Button small kind="danger" onClick={() => revoke.mutate({ path: { invitation_id: invitation.id } }, { onError: failed })}>Revoke</Button> },
            ]}
          />
        )}
      </Loaded>
      <Dialog open={open} onClose={close} title={link ? "The link, shown this once" : "Invite"}>
        {link ? (
          <div className="space-y-3"><p className="text-muted">Send it to them. It works once.</p><CodeBlock label="Link" text={link} wrap /></div>
        ) : (
          <form onSubmit={(event) => void submit(event)} className="space-y-4">
            <Field label="E-mail" optional error={form.faults["/email"]} hint="With it, only they can use the link. No mail is sent."><Input type="email" value={form.value.email} onChange={(event) => form.set({ email: event.target.value })} autoFocus /></Field>
            <Field label="Role" error={form.faults["/role"]}><Select value={form.value.role} onChange={(event) => form.set({ role: event.target.value as Schemas["Role"] })}>{ROLES.map((role) => <option key={role.value} value={role.value} disabled={!mayAs(workspace.role, role.value)}>{role.label}</option>)}</Select></Field>
            <ProblemNote error={form.error} fields={(pointer) => pointer === "/email" || pointer === "/role"} />
            <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button type="submit" kind="primary" busy={form.busy}>Make the link</Button></div>
          </form>
        )}
      </Dialog>
    </Section>
  );
}
