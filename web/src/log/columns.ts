import type { Raw } from "./exact";
import { membersOf } from "./exact";
import type { LoggedValues } from "./shapes";

export interface ColumnLine {
  column: string;
  /** Undefined where the row had no such column, or was not there. */
  before: Raw | undefined;
  after: Raw | undefined;
  what: "same" | "changed" | "added" | "removed";
}

/** Each column of a row before and after, in the order of the row. Which of them changed is what the service says, where both are known. */
export function columnLines(values: LoggedValues): ColumnLine[] {
  const before = new Map(membersOf(values.previous));
  const after = new Map(membersOf(values.row));
  const changed = new Set(values.changes.map((change) => change.column));
  const both = values.previous !== null && values.row !== null;
  const names = [...after.keys(), ...[...before.keys()].filter((name) => !after.has(name))];
  return names.map((column) => {
    const line = { column, before: before.get(column), after: after.get(column) };
    if (both && !changed.has(column)) return { ...line, what: "same" };
    if (line.before === undefined) return { ...line, what: "added" };
    return { ...line, what: line.after === undefined ? "removed" : "changed" };
  });
}

/** `2 of 14 columns changed`; empty where there is nothing to compare. */
export function changeText(values: LoggedValues): string {
  const lines = columnLines(values);
  if (lines.length === 0) return "";
  const columns = lines.length === 1 ? "column" : "columns";
  if (values.previous === null) return `${lines.length} ${columns}, all new to the stream`;
  if (values.row === null) return `${lines.length} ${columns}, as they were acknowledged last`;
  return `${lines.filter((line) => line.what !== "same").length} of ${lines.length} ${columns} changed`;
}
