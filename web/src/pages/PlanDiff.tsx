import type { ReactElement } from "react";
import { useState } from "react";

import type { PreviewRecord } from "@/api/jobs";
import { counted } from "@/lib/format";
import { planLines } from "@/lib/plan";
import type { ColumnLine } from "@/log/columns";
import type { Raw } from "@/log/exact";
import { cx } from "@/ui/cx";

const SIGNS: Record<ColumnLine["what"], { sign: string; word: string; className: string }> = {
  added: { sign: "+", word: "added", className: "text-good" },
  changed: { sign: "~", word: "changed", className: "text-warn" },
  removed: { sign: "−", word: "removed", className: "text-bad" },
  same: { sign: "", word: "stays", className: "text-muted" },
};
const LONG = 300;

/** What becomes of each column of a row. */
export function PlanDiff({ record }: { record: PreviewRecord }): ReactElement {
  const lines = planLines(record);
  const same = lines.filter((line) => line.what === "same").length;
  const unknown = record.op === "changed" && record.before === null;
  const [whole, setWhole] = useState(false);
  if (lines.length === 0) return <p className="text-xs text-muted">Its values are not kept, so only its message is known.</p>;
  const shown = whole || same === lines.length ? lines : lines.filter((line) => line.what !== "same");
  return (
    <div className="space-y-1">
      <table aria-label="Columns that change" className="w-full border-collapse rounded-md border border-line font-mono text-xs">
        <tbody>
          {shown.map((line) => {
            const { sign, word, className } = SIGNS[line.what];
            return (
              <tr key={line.column} className="border-b border-line align-top last:border-0">
                <td className={cx("w-6 py-1 pl-2 text-center font-semibold select-none", className)} aria-hidden>{sign}</td>
                <th scope="row" className="px-2 py-1 text-left font-medium break-all">{line.column}<span className="sr-only"> {word}</span></th>
                <td className="w-2/3 px-2 py-1 break-all">
                  {line.what === "changed" ? <><del className="rounded bg-bad-soft px-0.5 no-underline"><Value raw={line.before} /></del> <span aria-label="becomes">→</span> <ins className="rounded bg-good-soft px-0.5 no-underline"><Value raw={line.after} /></ins></> : <Value raw={line.after ?? line.before} />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {unknown && <p className="text-xs text-muted">What was acknowledged is not kept, so it is not known which of them changed.</p>}
      {same > 0 && same < lines.length && <button type="button" onClick={() => setWhole(!whole)} className="text-xs text-muted underline">{whole ? "Only what changes" : `Show ${counted(same, "column")} that ${same === 1 ? "stays" : "stay"}`}</button>}
      {record.op === "changed" && !unknown && same === lines.length && <p className="text-xs text-muted">No column differs: it is sent again.</p>}
    </div>
  );
}

function Value({ raw }: { raw: Raw | undefined }): ReactElement {
  const text = raw ?? "null";
  if (text === "null") return <span className="text-faint italic">null</span>;
  return <>{text.slice(0, LONG)}{text.length > LONG && "…"}</>;
}
