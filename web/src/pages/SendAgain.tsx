import { Send } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useChange, W } from "@/api/hooks";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Confirm } from "@/ui/Dialog";
import { Menu, MenuItem } from "@/ui/Menu";
import { failed } from "@/ui/toast";

type Run = Schemas["RunDetails"];

const TOUCHED = [`${W}/runs`, `${W}/syncs`] as const;

/** Everything that a past run put, once more. */
export function SendRunAgain({ run }: { run: Run }): ReactElement | null {
  const send = useChange("post", `${W}/syncs/{sync_id}/send-rows`, [...TOUCHED]);
  const places = usePlaces();
  const navigate = useNavigate();
  const [values, setValues] = useState<"current" | "original">();
  const put = (run.counts?.delivered ?? 0) + (run.counts?.unanswered ?? 0);
  if (put === 0) return null;
  const go = () => send.mutateAsync({ path: { sync_id: run.sync }, body: { run: run.id, ...(values ? { values } : {}) } }).then((made) => navigate(places.run(made.run.id)));
  return (
    <>
      <Menu trigger={<Button needs="editor" icon={<Send className="size-4" aria-hidden />}>Send its rows again</Button>}>
        <MenuItem needs="editor" onSelect={() => setValues("current")}>With the values of now</MenuItem>
        <MenuItem needs="editor" onSelect={() => setValues("original")}>With the values of then</MenuItem>
      </Menu>
      <Confirm open={values !== undefined} onClose={() => setValues(undefined)} title={`Send ${counted(put, "row")} again?`} action="Send them again" onConfirm={go}>
        {values === "original"
          ? "Each row goes into the stream with the values that this run's log has of it. The run after it sends the current values again. Rows whose values are erased or were not logged are listed as not sent."
          : "Each row that this run put is read from the model and sent with the values that it has now. Rows that are gone are listed as not sent."}
      </Confirm>
    </>
  );
}

interface RejectionsProps {
  run: Run;
  /** The rows that are chosen; without any, all that stand now are meant. */
  keys: unknown[];
  /** Only the rejections with this code. */
  code: string | undefined;
  onDone: () => void;
}

/** What can be done about rejected rows: tried again at once, or given up. */
export function RejectedRows({ run, keys, code, onDone }: RejectionsProps): ReactElement {
  const send = useChange("post", `${W}/syncs/{sync_id}/send-rows`, [...TOUCHED]);
  const dismiss = useChange("post", `${W}/syncs/{sync_id}/rejections/dismiss`, [...TOUCHED]);
  const places = usePlaces();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const chosen = keys.length > 0;
  const which = chosen ? counted(keys.length, "row") : code ? `all with ${code}` : "all that are rejected";
  const show = (made: Schemas["RunRequested"]) => (onDone(), void navigate(places.run(made.run.id)));
  const again = () => send.mutate({ path: { sync_id: run.sync }, body: chosen ? { rows: keys } : { rejections: code ? { code } : {} } }, { onSuccess: show, onError: failed });
  const give = () => dismiss.mutateAsync({ path: { sync_id: run.sync }, body: chosen ? { rows: keys } : { code: code ?? "" } }).then(show);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Button kind={chosen ? "primary" : "plain"} needs="editor" busy={send.isPending} onClick={again}>Send {which} again now</Button>
      {(chosen || code) && <Button needs="editor" kind="danger" onClick={() => setAsking(true)}>Dismiss {which} …</Button>}
      <Confirm open={asking} onClose={() => setAsking(false)} title={`Dismiss ${which}?`} action="Dismiss" danger onConfirm={give}>
        They count as acknowledged without being sent: no run tries them again until they change. Rows that may be in the stream already are left as they are. The audit log keeps who did it.
      </Confirm>
    </div>
  );
}
