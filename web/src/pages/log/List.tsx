import type { KeyboardEvent, ReactElement, ReactNode } from "react";
import { memo, useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "react";

import { number } from "@/lib/format";
import { rowsSeen, scrollTo } from "@/log/window";
import { cx } from "@/ui/cx";

export interface ListColumn<T> {
  id: string;
  name: ReactNode;
  /** Its width, and when it is left out for want of room (of the list, not of the window). */
  className: string;
  right?: boolean;
  cell: (item: T) => ReactNode;
}

interface ListProps<T> {
  label: string;
  items: T[];
  columns: ListColumn<T>[];
  idOf: (item: T, at: number) => string;
  /** The one that is shown beside the list. */
  opened?: string | undefined;
  onOpen: (item: T) => void;
  /** For Escape. */
  onClose?: () => void;
  more: boolean;
  loading: boolean;
  live?: boolean;
  /** The next page could not be read: it is not asked for again by itself. */
  broken?: boolean;
  onMore: () => void;
}

const HEIGHT = 34;
const AROUND = 12;
/** So many rows before the end the next page is asked for. */
const AHEAD = 100;

/**
 * A long list: only rows that are seen are there. All have one height, so that where they are takes no time to find, however
 * many there are. They are walked with the arrows or j and k, and opened with Enter.
 */
export function List<T>({ label, items, columns, idOf, opened, onOpen, onClose, more, loading, live, broken, onMore }: ListProps<T>): ReactElement {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(() => Math.max(0, items.findIndex((item, place) => idOf(item, place) === opened)));
  const [seen, setSeen] = useState({ from: 0, to: 40 });
  const look = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    const next = rowsSeen(box.scrollTop, box.clientHeight, HEIGHT, Number.MAX_SAFE_INTEGER, AROUND);
    setSeen((before) => (before.from === next.from && before.to === next.to ? before : next));
  }, []);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return undefined;
    if (at > 0) box.scrollTop = at * HEIGHT;
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box);
    return () => observer.disconnect();
  }, [look]); // oxlint-disable-line react-hooks/exhaustive-deps
  const from = Math.min(seen.from, items.length);
  const shown = items.slice(from, seen.to);
  const wanted = more && !loading && !broken && seen.to >= items.length - AHEAD;
  useEffect(() => {
    if (wanted) onMore();
  }, [wanted, items.length]); // oxlint-disable-line react-hooks/exhaustive-deps
  const go = (to: number) => {
    const place = Math.min(Math.max(to, 0), items.length - 1);
    const item = items[place];
    const box = scroller.current;
    if (!item || !box) return;
    setAt(place);
    // The head stands above the rows and takes the height of one.
    box.scrollTop = scrollTo(place, box.scrollTop, box.clientHeight - HEIGHT, HEIGHT);
    if (opened !== undefined) onOpen(item);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / HEIGHT) - 2);
    const steps: Record<string, number> = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: items.length - 1 };
    const step = steps[event.key];
    const item = items[at];
    if (step !== undefined) go(step);
    else if (event.key === "Enter" && item) onOpen(item);
    else if (event.key === "Escape" && onClose && opened !== undefined) onClose();
    else return;
    event.preventDefault();
  };
  // The newest handler, so that rows need not be drawn again for it.
  const handler = useRef(onOpen);
  useEffect(() => {
    handler.current = onOpen;
  });
  const choose = useCallback((item: T, place: number) => {
    setAt(place);
    handler.current(item);
  }, []);
  return (
    <div className="@container min-w-0 flex-1">
      <div
        ref={scroller}
        role="grid"
        aria-label={label}
        aria-rowcount={more || live ? -1 : items.length + 1}
        aria-activedescendant={at >= from && at < from + shown.length ? `${id}-${at}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={look}
        data-scroll-restoration-id={label}
        className="group max-h-[max(24rem,calc(100dvh-20rem))] overflow-auto rounded-lg border border-line bg-surface text-[13px]"
      >
        <div role="row" aria-rowindex={1} className="sticky top-0 z-10 flex items-center gap-3 border-b border-line bg-sunken px-3 text-xs font-medium text-muted" style={{ height: HEIGHT }}>
          {columns.map((column) => <span key={column.id} role="columnheader" className={cx("truncate", column.right && "text-right", column.className)}>{column.name}</span>)}
        </div>
        <div role="rowgroup" className="relative" style={{ height: items.length * HEIGHT }}>
          {shown.map((item, place) => <Row key={from + place} id={`${id}-${from + place}`} at={from + place} item={item} columns={columns as ListColumn<unknown>[]} open={idOf(item, from + place) === opened} active={from + place === at} onChoose={choose as (item: unknown, at: number) => void} />)}
        </div>
      </div>
      <p aria-live="polite" className="mt-1.5 flex flex-wrap gap-x-4 text-xs text-muted">
        <span className="figures">{number(items.length)} shown{more ? (loading ? ", reading on …" : ", more below") : live ? ", and what comes: the run is at work" : ", which is all"}</span>
        <span className="max-md:hidden">j and k or the arrows walk, Enter opens{onClose ? ", Escape closes" : ""}</span>
      </p>
    </div>
  );
}

interface RowProps {
  id: string;
  at: number;
  item: unknown;
  columns: ListColumn<unknown>[];
  open: boolean;
  active: boolean;
  onChoose: (item: unknown, at: number) => void;
}

const Row = memo(function Row({ id, at, item, columns, open, active, onChoose }: RowProps): ReactElement {
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={at + 2}
      aria-selected={open}
      onClick={() => onChoose(item, at)}
      className={`absolute inset-x-0 flex cursor-pointer items-center gap-3 border-b border-line px-3 ${open ? "bg-accent-soft" : "hover:bg-hover"} ${active ? "group-focus-visible:shadow-[inset_2px_0_0_var(--accent)]" : ""}`}
      style={{ height: HEIGHT, top: at * HEIGHT }}
    >
      {columns.map((column) => <span key={column.id} role="gridcell" className={`truncate ${column.right ? "figures text-right" : ""} ${column.className}`}>{column.cell(item)}</span>)}
    </div>
  );
});
