import type { PreviewRecord } from "@/api/jobs";
import type { ColumnLine } from "@/log/columns";
import { columnLines } from "@/log/columns";
import { membersOf } from "@/log/exact";

/** The columns of a planned change, before and after it, to the last digit. Empty where no values are kept. */
export function planLines({ op, before, after }: Pick<PreviewRecord, "op" | "before" | "after">): ColumnLine[] {
  const row = op === "removed" ? null : after;
  const previous = op === "added" ? null : before;
  const known = new Map(membersOf(previous));
  const changes = membersOf(row).filter(([column, value]) => known.get(column) !== value).map(([column]) => ({ column, before: null, after: null }));
  const gone = row === null ? [] : [...known.keys()].filter((column) => !membersOf(row).some(([name]) => name === column)).map((column) => ({ column, before: null, after: null }));
  const lines = columnLines({ previous, row, record: null, changes: [...changes, ...gone] });
  // Without what was acknowledged nobody knows what changed.
  return op === "changed" && previous === null ? lines.map((line) => ({ ...line, what: "same" })) : lines;
}

/** The names of what changed; undefined where that is not known. */
export function changedColumns(record: Pick<PreviewRecord, "op" | "before" | "after">): string[] | undefined {
  if (record.op !== "changed" || record.before === null) return undefined;
  return planLines(record).filter((line) => line.what !== "same").map((line) => line.column);
}
