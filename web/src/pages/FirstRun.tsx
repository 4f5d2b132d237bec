import type { ReactElement } from "react";

import { useGet, useJob, W } from "@/api/hooks";
import type { QueryResult } from "@/api/jobs";
import { asProblem } from "@/api/problem";
import { counted, valueText } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Choices } from "@/ui/Field";

import { countingQuery } from "./sql";
import type { SyncValue } from "./syncValue";

interface Props {
  value: SyncValue;
  set: (change: Partial<SyncValue>) => void;
  sample: QueryResult | undefined;
  /** It is over, so there is nothing to choose. */
  done: boolean;
}

/** What happens to the rows that are there already, with their number. */
export function FirstRun({ value, set, sample, done }: Props): ReactElement {
  const model = useGet(`${W}/models/{model_id}`, { path: { model_id: value.model } }, { enabled: value.model !== "" && !done });
  const count = useJob<QueryResult, `${typeof W}/sources/{source_id}/query`>(`${W}/sources/{source_id}/query`);
  const { source, query } = model.data?.id === value.model ? model.data : { source: "", query: "" };
  const known = count.variables?.body?.query === countingQuery(query) ? count.data?.rows[0]?.[0] : undefined;
  // A sample that is not cut has all rows.
  const found = known !== undefined ? Number(valueText(known)) : sample && !sample.cut ? sample.rows.length : undefined;
  const rows = found === undefined ? undefined : counted(found, "row");
  const each = value.fanOut === "" ? "" : ", with a message for each element";
  return (
    <div className="space-y-2">
      <Choices
        legend="The first run"
        inline
        value={value.first_run}
        onChange={(first_run) => set({ first_run })}
        choices={[
          { value: "send-all", label: rows && !done ? `Sends every row: ${rows} now` : "Sends every row", hint: `Whoever reads the stream gets everything there is${each}, then what changes.`, disabled: done },
          { value: "only-future", label: "Sends nothing", hint: rows && !done ? `The ${rows} that are there now count as known; from then on changes are sent.` : "What is there now counts as known; from then on changes are sent.", disabled: done },
        ]}
      />
      {done && <p className="text-xs text-muted">The first run is done, so this has no effect any more.</p>}
      {!done && sample?.cut && known === undefined && (
        <div className="flex flex-wrap items-center gap-2 text-xs text-muted">
          <span>The model has more than {counted(sample.rows.length, "row")}.</span>
          <Button small needs="editor" busy={count.isPending} refusal={!query && "The model is being read"} onClick={() => count.mutate({ path: { source_id: source }, body: { query: countingQuery(query), rows: 1 } })}>Count them</Button>
          {count.error && <span role="alert" className="text-bad">They cannot be counted: {asProblem(count.error).message}</span>}
        </div>
      )}
    </div>
  );
}
