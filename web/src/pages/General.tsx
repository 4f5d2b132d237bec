import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import type { Schemas, Versioned } from "@/api/client";
import { useChange, useGet, useGetVersioned, W } from "@/api/hooks";
import { useSurroundings } from "@/app/workspace";
import { bytes, counted, duration, number } from "@/lib/format";
import { useForm } from "@/lib/useForm";
import { Button } from "@/ui/Button";
import { Fact, Facts, Id, Section, Time } from "@/ui/bits";
import { Confirm } from "@/ui/Dialog";
import { Field, Input } from "@/ui/Field";
import { Loaded, ProblemNote } from "@/ui/states";
import { failed, told } from "@/ui/toast";

export function General(): ReactElement {
  const workspace = useGetVersioned(W);
  return (
    <div className="max-w-3xl space-y-10">
      <Loaded of={workspace} rows={2}>{(found) => <><Workspace found={found} /><Retention found={found} /></>}</Loaded>
      <Usage />
      <Danger />
    </div>
  );
}

function Workspace({ found }: { found: Versioned<Schemas["Workspace"]> }): ReactElement {
  const form = useForm({ name: found.data.name });
  const update = useChange("put", W, ["/v1/workspaces"]);
  const match = found.etag ? { ifMatch: found.etag } : {};
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const done = await form.submit((value) => update.mutateAsync({ body: { ...value, paused: found.data.paused }, ...match }));
    if (done) told("The workspace is renamed.");
  };
  const toggle = () => update.mutate({ body: { name: found.data.name, paused: !found.data.paused }, ...match }, { onError: failed });
  return (
    <>
      <Section title="Workspace">
        <form onSubmit={(event) => void save(event)} className="flex flex-wrap items-end gap-2">
          <Field label="Name" error={form.faults["/name"]} className="w-72"><Input required maxLength={100} value={form.value.name} onChange={(event) => form.set({ name: event.target.value })} /></Field>
          <Button type="submit" needs="admin" busy={form.busy} refusal={!form.dirty && "Nothing is changed"}>Rename</Button>
        </form>
        <ProblemNote error={form.error} fields={(pointer) => pointer === "/name"} />
        <Facts><Fact name="Id"><Id value={found.data.id} /></Fact></Facts>
      </Section>
      <Section title="Pause" about="While a workspace is paused no run starts in it, by schedule or by hand. Runs that are at work go on.">
        <Button needs="admin" busy={update.isPending} onClick={toggle}>{found.data.paused ? "Resume the workspace" : "Pause the workspace"}</Button>
      </Section>
    </>
  );
}

/** How long the debug log is kept. */
function Retention({ found }: { found: Versioned<Schemas["Workspace"]> }): ReactElement {
  const { name, paused, log_retention_days: kept } = found.data;
  const form = useForm({ days: String(kept) });
  const update = useChange("put", W, ["/v1/workspaces"]);
  const usage = useGet(`${W}/usage`);
  const [asked, setAsked] = useState(false);
  const days = Number(form.value.days);
  const save = async () => {
    const done = await form.submit(() => update.mutateAsync({ body: { name, paused, log_retention_days: days }, ...(found.etag ? { ifMatch: found.etag } : {}) }));
    if (done) told(`The debug log is kept for ${counted(days, "day")}.`);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (days < kept) setAsked(true);
    else void save();
  };
  const log = usage.data?.log;
  return (
    <Section title="Debug log" about={<>What became of each row, and each call to AWS. {log && <>It has {bytes(log.bytes)} now{log.oldest_at && <>, the oldest of <Time at={log.oldest_at} /></>}; it counts towards no limit.</>}</>}>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-2">
        <Field label="Kept for (days)" error={form.faults["/log_retention_days"]} className="w-40"><Input type="number" required min={1} step={1} value={form.value.days} onChange={(event) => form.set({ days: event.target.value })} /></Field>
        <Button type="submit" needs="admin" busy={form.busy} refusal={days === kept && "Nothing is changed"}>Save</Button>
      </form>
      <ProblemNote error={form.error} fields={(pointer) => pointer === "/log_retention_days"} />
      <Confirm open={asked} onClose={() => setAsked(false)} title={`Keep the log for ${counted(days, "day")} instead of ${number(kept)}?`} action="Delete what is older" danger onConfirm={save}>
        What is older is deleted within a day, for all syncs of the workspace, and does not come back. What the streams acknowledged is not touched.
      </Confirm>
    </Section>
  );
}

function Usage(): ReactElement {
  const usage = useGet(`${W}/usage`);
  const limit = (value: number | null | undefined, text: (value: number) => string = number) => (value === null || value === undefined ? "not limited" : `up to ${text(value)}`);
  return (
    <Section title="Usage and limits" about="What the operator of the service grants to this workspace.">
      <Loaded of={usage} rows={3}>
        {({ stored_bytes, quotas }) => (
          <Facts>
            <Fact name="Storage">{bytes(stored_bytes)} used, {limit(quotas.stored_bytes, bytes)}</Fact>
            <Fact name="Syncs">{limit(quotas.syncs)}</Fact>
            <Fact name="Members">{limit(quotas.members)}</Fact>
            <Fact name="Runs at once">{limit(quotas.running_runs)}</Fact>
            <Fact name="Previews at once">{limit(quotas.previews)}</Fact>
            <Fact name="Rows of a run">{limit(quotas.rows_per_run)}</Fact>
            <Fact name="Time of a run">{limit(quotas.run_seconds, (value) => duration(value * 1000))}</Fact>
          </Facts>
        )}
      </Loaded>
    </Section>
  );
}

function Danger(): ReactElement {
  const { workspace } = useSurroundings();
  const [asked, setAsked] = useState<"leave" | "delete">();
  const leave = useChange("post", `${W}/leave`);
  const remove = useChange("delete", W);
  const gone = () => window.location.assign("/");
  return (
    <Section title="Leave or delete">
      <div className="flex flex-wrap gap-2">
        <Button kind="danger" onClick={() => setAsked("leave")}>Leave the workspace</Button>
        <Button kind="danger" needs="owner" onClick={() => setAsked("delete")}>Delete the workspace</Button>
      </div>
      <Confirm open={asked === "leave"} onClose={() => setAsked(undefined)} title={`Leave ${workspace.name}?`} action="Leave" danger onConfirm={() => leave.mutateAsync({}).then(gone)}>
        You need another invitation to come back. The last owner cannot leave.
      </Confirm>
      <Confirm open={asked === "delete"} onClose={() => setAsked(undefined)} title={`Delete ${workspace.name}?`} action="Delete everything" danger typed={workspace.name} onConfirm={() => remove.mutateAsync({ query: { name: workspace.name } }).then(gone)}>
        All sources, models, destinations, syncs and runs of the workspace are deleted, for every member, and its objects within 24 hours. Databases and streams are not touched.
      </Confirm>
    </Section>
  );
}
