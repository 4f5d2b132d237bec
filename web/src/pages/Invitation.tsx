import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { request } from "@/api/client";
import { useGet } from "@/api/hooks";
import { Loading } from "@/app/fallbacks";
import { Outside } from "@/app/Outside";
import { Link, useNavigate } from "@/app/links";
import { placesOf } from "@/app/places";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Time } from "@/ui/bits";
import { Field, Input } from "@/ui/Field";
import { ProblemNote } from "@/ui/states";

/** What an invitation's link opens. The token stands after the `#`, so that no server logs it. */
export default function Invitation(): ReactElement {
  const [token] = useState(() => window.location.hash.slice(1));
  const offer = useQuery({ queryKey: ["invitation", token], queryFn: () => request("post", "/v1/invitations/look-up", { body: { token } }), retry: false });
  const me = useGet("/v1/me", {}, { staleTime: 60_000 });
  if (offer.error) return <Outside title="This invitation cannot be used"><ProblemNote error={offer.error} /><p className="text-muted">Ask whoever sent it for a new link.</p></Outside>;
  if (!offer.data || (me.isPending && !me.error)) return <Loading />;
  return me.data ? <Accept token={token} offer={offer.data} me={me.data} /> : <Join token={token} offer={offer.data} />;
}

interface Props {
  token: string;
  offer: Schemas["Offer"];
}

function about(offer: Schemas["Offer"]): ReactElement {
  return <>You are invited as {offer.role}. The link works once and ends <Time at={offer.expires_at} />.</>;
}

function Accept({ token, offer, me }: Props & { me: Schemas["Me"] }): ReactElement {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const form = useForm({});
  const accept = async () => {
    const done = await form.submit(() => request("post", "/v1/invitations/accept", { body: { token } }));
    if (!done) return;
    queries.clear();
    await navigate(placesOf(done.workspace_id).overview());
  };
  return (
    <Outside title={`Join ${offer.workspace_name}`} about={about(offer)}>
      <p>You are signed in as <span className="font-medium break-words">{me.email}</span>.</p>
      <ProblemNote error={form.error} />
      <Button kind="primary" busy={form.busy} onClick={() => void accept()}>Join</Button>
    </Outside>
  );
}

function Join({ token, offer }: Props): ReactElement {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const form = useForm({ email: offer.email ?? "", password: "" });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => request("post", "/v1/sign-up", { body: { ...value, invitation: token } }));
    if (!done) return;
    queries.clear();
    await navigate(placesOf(done.workspace_id).overview());
  };
  return (
    <Outside title={`Join ${offer.workspace_name}`} about={about(offer)}>
      <form onSubmit={(event) => void submit(event)} className="space-y-4">
        <Field label="E-mail" error={form.faults["/email"]}>
          <Input type="email" autoComplete="username" required readOnly={offer.email !== null} value={form.value.email} onChange={(event) => form.set({ email: event.target.value })} />
        </Field>
        <Field label="Choose a password" error={form.faults["/password"]} hint="At least 10 characters.">
          <Input type="password" autoComplete="new-password" required minLength={10} value={form.value.password} onChange={(event) => form.set({ password: event.target.value })} />
        </Field>
        <ProblemNote error={form.error} fields={(pointer) => pointer === "/email" || pointer === "/password"} />
        <Button type="submit" kind="primary" busy={form.busy} className="w-full">Sign up and join</Button>
      </form>
      <p className="text-muted">Already signed up? <Link to="/sign-in" search={{ next: `/invitation#${token}` }} className="font-medium text-accent underline">Sign in</Link> and come back to this page.</p>
    </Outside>
  );
}
