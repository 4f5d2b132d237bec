import { KeyRound } from "lucide-react";
import type { ReactElement } from "react";

import type { Column } from "@/api/jobs";
import { number, valueText } from "@/lib/format";
import { cx } from "@/ui/cx";

interface Props {
  columns: Column[];
  rows: unknown[][];
  keys: string[];
}

const NUMERIC = /^(smallint|integer|bigint|numeric|real|double|int|float|decimal)/;

/** Rows as the source gave them, with the types of their columns. */
export function Rows({ columns, rows, keys }: Props): ReactElement {
  return (
    <div className="max-h-[28rem] overflow-auto rounded-lg border border-line bg-surface" tabIndex={0} role="region" aria-label="Rows">
      <table aria-label="Rows of the query" className="w-full border-collapse font-mono text-xs">
        <thead className="sticky top-0 z-10 bg-sunken">
          <tr>
            <th scope="col" className="h-10 w-8 border-b border-line px-2 text-right font-sans font-normal text-faint">#</th>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={cx("border-b border-line px-3 py-1 text-left font-medium whitespace-nowrap", NUMERIC.test(column.source_type) && "text-right")}>
                <span className="inline-flex items-center gap-1">
                  {keys.includes(column.name) && <KeyRound className="size-3 text-accent" aria-label="part of the key" />}
                  {column.name}
                </span>
                <span className="block font-sans text-[11px] font-normal text-faint">{column.source_type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at} className="h-7 border-b border-line last:border-0 hover:bg-hover">
              <td className="px-2 text-right text-faint">{number(at + 1)}</td>
              {columns.map((column, place) => (
                <td key={column.name} title={valueText(row[place])} className={cx("max-w-80 truncate px-3", NUMERIC.test(column.source_type) && "text-right")}>
                  {row[place] === null ? <span className="text-faint italic">null</span> : valueText(row[place])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
