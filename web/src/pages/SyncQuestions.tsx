import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, useGet, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Dialog";
import { Note } from "@/ui/states";
import { failed } from "@/ui/toast";

import { ApprovalNote } from "./ApprovalNote";

/** Everything about a sync that waits for a person. */
export function SyncQuestions({ sync }: { sync: Schemas["Sync"] }): ReactElement | null {
  const approvals = useGet(`${W}/syncs/{sync_id}/approvals`, { path: { sync_id: sync.id }, query: { open: true } }, { refetchInterval: 10_000 });
  return (
    <>
      {sync.held && <Held sync={sync} />}
      {sync.question && <Question sync={sync} />}
      {approvals.data?.items.filter((approval) => approval.sync === sync.id).map((approval) => <ApprovalNote key={approval.id} approval={approval} />)}
    </>
  );
}

function Question({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const answer = useChange("post", `${W}/syncs/{sync_id}/answer`, [`${W}/syncs`, `${W}/runs`]);
  const [asked, setAsked] = useState<Schemas["OnChange"]>();
  const places = usePlaces();
  const navigate = useNavigate();
  const choose = async (on_change: Schemas["OnChange"]) => {
    const { run } = await answer.mutateAsync({ path: { sync_id: sync.id }, body: { on_change } });
    await navigate(places.run(run.id));
  };
  const actions = (
    <>
      <Button small needs="editor" onClick={() => setAsked("send-all")}>Send every row again</Button>
      <Button small needs="editor" onClick={() => setAsked("only-future")}>Send what changes from now on</Button>
    </>
  );
  return (
    <Note tone="warn" title="What was sent before does not fit any more. How should it go on?" actions={actions}>
      {questionText(sync.question)}
      <Confirm open={asked !== undefined} onClose={() => setAsked(undefined)} title={asked === "send-all" ? "Send every row again?" : "Send only what changes from now on?"} action={asked === "send-all" ? "Send every row" : "Take it as known"} onConfirm={() => choose(asked ?? "send-all")}>
        {asked === "send-all" ? "A run starts now and sends every row of the model." : "A run starts now that sends nothing it does not have to: rows as they are count as known, by the terms above."}
      </Confirm>
    </Note>
  );
}

/** The question in words, whatever else it holds. */
function questionText(question: unknown): string {
  if (typeof question === "string") return question;
  const found = (question ?? {}) as Record<string, unknown>;
  const text = [found.text, found.detail, found.question, found.message].find((each) => typeof each === "string");
  return typeof text === "string" ? text : "The model, the stream or the key changed since the last run. Until you choose, no run sends anything.";
}

function Held({ sync }: { sync: Schemas["Sync"] }): ReactElement {
  const decide = useChange("post", `${W}/syncs/{sync_id}/restore-decision`, [`${W}/syncs`]);
  const go = (decision: Schemas["RestoreDecision"]) => decide.mutate({ path: { sync_id: sync.id }, body: { decision } }, { onError: failed });
  const actions = (
    <>
      <Button small needs="editor" busy={decide.isPending} onClick={() => go("full-resync")}>Send every row again</Button>
      <Button small needs="editor" busy={decide.isPending} onClick={() => go("accept")}>Go on from the backup</Button>
    </>
  );
  return (
    <Note tone="warn" title="Held: the service's database was restored from a backup" actions={actions}>
      The stream may be ahead of what is known here. Sending every row again makes them equal. Going on from the backup sends changes since then once more, and does not notice rows that were added and removed in between.
    </Note>
  );
}
