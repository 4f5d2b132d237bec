import type { KeyboardEvent, ReactElement, ReactNode } from "react";

import { cx } from "./cx";

export interface TableColumn<T> {
  name: ReactNode;
  /** Numbers stand at the right, and below each other. */
  right?: boolean;
  /** Not on a phone. */
  wide?: boolean;
  className?: string;
  cell: (row: T) => ReactNode;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  columns: TableColumn<T>[];
  rowKey: (row: T) => string;
  empty?: ReactNode;
}

/** The first link of a row makes the whole row one; up and down go from row to row. */
export function Table<T>({ label, rows, columns, rowKey, empty }: TableProps<T>): ReactElement {
  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-surface">
      <table aria-label={label} className="w-full border-collapse text-[13px]" onKeyDown={moveByArrows}>
        <thead>
          <tr className="h-8 border-b border-line text-left text-xs text-muted">
            {columns.map((column, at) => (
              <th key={at} scope="col" className={cx("px-3 font-medium whitespace-nowrap", column.right && "text-right", column.wide && "max-md:hidden")}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className="relative h-9 border-b border-line last:border-0 has-[a[data-row]]:hover:bg-hover">
              {columns.map((column, at) => (
                <td key={at} className={cx("max-w-md px-3 py-1", column.right && "figures text-right", column.wide && "max-md:hidden", column.className)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function moveByArrows(event: KeyboardEvent<HTMLTableElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a[data-row]")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  links[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
}

/** For the link of a row: it covers the row. */
export const ROW_LINK = "font-medium text-ink after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent";
/** For what can be clicked in a row beside its link. */
export const ABOVE_ROW = "relative z-10";
