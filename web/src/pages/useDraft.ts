import { useEffect, useMemo, useRef, useState } from "react";

import type { Schemas } from "@/api/client";
import { request } from "@/api/client";
import { W } from "@/api/hooks";
import type { QueryResult } from "@/api/jobs";
import { useRefusal, useWorkspaceId } from "@/app/workspace";
import { draftBody, draftFaults, draftMistakes } from "@/lib/draft";

import type { Shards } from "./RecordPreview";
import type { SyncValue } from "./syncValue";

/** How long nobody types before the service is asked. */
const PAUSE = 250;

interface Options {
  value: SyncValue;
  /** Rows of the model, with the job that read them. */
  sample: (QueryResult & { job: string }) | undefined;
  /** Takes another sample, where the model is not what it was. */
  takeSample: () => void;
  shards: Shards;
  /** The sync that is edited, if it exists. */
  sync?: string;
}

interface Found {
  asked?: string;
  answer?: Schemas["RenderedDraft"];
  error?: unknown;
}

export type Draft = ReturnType<typeof useDraft>;

/** What the sync in the form would send of a row of the sample, again after each pause in typing. */
export function useDraft({ value, sample, takeSample, shards, sync }: Options) {
  const workspace = useWorkspaceId();
  const refused = useRefusal("editor");
  const [chosen, setRow] = useState(0);
  const [op, setOp] = useState<Schemas["Change"]>("added");
  const [column, setColumn] = useState("");
  const [found, setFound] = useState<Found>({});
  const [tries, setTries] = useState(0);
  // Whatever is wrong with samples, they are not taken for ever.
  const renewed = useRef(0);
  const rows = sample?.rows.length ?? 0;
  const row = Math.max(0, Math.min(chosen, rows - 1));
  const job = sample?.job;
  const columnThere = sample?.columns.some(({ name }) => name === column) ? column : "";
  const body = useMemo(() => (job && rows > 0 && !refused ? JSON.stringify(draftBody(value, { sample: job, shards: shards?.job, sync, row, rows, op, column: columnThere })) : undefined), [value, job, rows, refused, shards?.job, sync, row, op, columnThere]);
  useEffect(() => {
    if (body === undefined) return;
    const control = new AbortController();
    const ask = () =>
      request("post", `${W}/syncs/render`, { path: { workspace_id: workspace }, body: JSON.parse(body) as Schemas["RenderBody"], signal: control.signal }).then(
        (answer) => setFound({ asked: body, answer }),
        (error: unknown) => {
          if (control.signal.aborted) return;
          setFound((before) => ({ ...before, asked: body, error }));
          if (!draftFaults(error).stale || renewed.current > 3) return;
          renewed.current += 1;
          takeSample();
        },
      );
    const timer = setTimeout(() => void ask(), PAUSE);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
    // What takes a sample is another function each time.
  }, [body, workspace, tries]); // oxlint-disable-line react-hooks/exhaustive-deps
  const faults = useMemo(() => draftFaults(found.error), [found.error]);
  const mistakes = useMemo(() => draftMistakes(faults.at, found.error === undefined ? (found.answer?.problems ?? []) : [], row), [faults, found, row]);
  return { row, setRow, op, setOp, column: columnThere, setColumn, answer: found.answer, failed: found.error !== undefined, faults, mistakes, pending: body !== undefined && found.asked !== body, again: () => setTries(tries + 1) };
}
