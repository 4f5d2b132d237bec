import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactElement, ReactNode } from "react";

import { asProblem, faultsAt } from "@/api/problem";
import { Link } from "@/app/links";

import { Button } from "./Button";
import { cx } from "./cx";

type Tone = "info" | "good" | "warn" | "bad";

const TONES: Record<Tone, { box: string; icon: ReactElement }> = {
  info: { box: "border-line bg-sunken", icon: <Info className="size-4 text-muted" aria-hidden /> },
  good: { box: "border-transparent bg-good-soft", icon: <CircleCheck className="size-4 text-good" aria-hidden /> },
  warn: { box: "border-transparent bg-warn-soft", icon: <TriangleAlert className="size-4 text-warn" aria-hidden /> },
  bad: { box: "border-transparent bg-bad-soft", icon: <CircleAlert className="size-4 text-bad" aria-hidden /> },
};

/** A sentence that has to be seen, and what to do about it. */
export function Note({ tone = "info", title, children, actions, className }: { tone?: Tone; title?: ReactNode; children?: ReactNode; actions?: ReactNode; className?: string }): ReactElement {
  return (
    <div role={tone === "bad" ? "alert" : "note"} className={cx("flex flex-wrap items-start gap-x-3 gap-y-2 rounded-md border px-3 py-2.5 text-[13px]", TONES[tone].box, className)}>
      <span className="mt-0.5">{TONES[tone].icon}</span>
      <div className="min-w-0 flex-1 basis-48 break-words">
        {title && <p className="font-medium">{title}</p>}
        {children && <div className={cx(title ? "text-muted" : "")}>{children}</div>}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </div>
  );
}

/** A refusal beside the form that caused it. Faults that stand at their fields are left out by `fields`. */
export function ProblemNote({ error, fields, onRetry }: { error: unknown; fields?: (pointer: string) => boolean; onRetry?: () => void }): ReactElement | null {
  if (error === null || error === undefined) return null;
  const problem = asProblem(error);
  const { at, rest } = faultsAt(error, fields ?? (() => false));
  const onlyAtFields = rest.length === 0 && Object.keys(at).length > 0;
  const wait = problem.retryAfter ? ` Try again in ${problem.retryAfter} s.` : "";
  return (
    <Note tone="bad" title={onlyAtFields ? "Some fields need another value" : problem.title} actions={onRetry && <Button small onClick={onRetry}>Try again</Button>}>
      {onlyAtFields ? "They are marked." : rest.length > 0 ? <ul className="list-disc pl-4">{rest.map((line) => <li key={line}>{line}</li>)}</ul> : `${problem.message}${wait}`}
      {problem.requestId && problem.status >= 500 && (
        <p className="mt-1 text-xs">
          Request <code className="font-mono select-all">{problem.requestId}</code>
        </p>
      )}
    </Note>
  );
}

/** `heading` where it is all of the page. */
export function Empty({ title, heading, children, action }: { title: string; heading?: boolean; children?: ReactNode; action?: ReactNode }): ReactElement {
  const Title = heading ? "h1" : "p";
  return (
    <div className="flex flex-col items-start gap-2 rounded-lg border border-dashed border-line px-5 py-6">
      <Title className="font-medium">{title}</Title>
      {children && <div className="max-w-prose text-muted">{children}</div>}
      {action && <div className="mt-1 flex flex-wrap gap-2">{action}</div>}
    </div>
  );
}

/** In the shape of what will come. */
export function Skeleton({ rows = 5, className }: { rows?: number; className?: string }): ReactElement {
  return (
    <div role="status" aria-label="Loading" className={cx("animate-[appear_0s_0.1s_both] space-y-px overflow-hidden rounded-lg border border-line", className)}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-9 items-center gap-4 bg-surface px-3">
          <span className="h-2.5 w-1/4 animate-pulse rounded bg-hover" />
          <span className="h-2.5 w-1/6 animate-pulse rounded bg-hover" />
          <span className="ml-auto h-2.5 w-1/12 animate-pulse rounded bg-hover" />
        </div>
      ))}
    </div>
  );
}

interface Loadable<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Loading, failed, or there. What was there stays when reading it again fails. */
export function Loaded<T>({ of, rows, page, children }: { of: Loadable<T>; rows?: number; /** It is all of the page. */ page?: boolean; children: (data: T) => ReactNode }): ReactElement {
  if (of.data !== undefined) {
    return (
      <>
        {of.error ? <div className="mb-3"><ProblemNote error={of.error} onRetry={() => of.refetch()} /></div> : null}
        {children(of.data)}
      </>
    );
  }
  if (!of.error && page) return <div className="space-y-6"><span aria-hidden className="block h-6 w-64 max-w-full animate-[appear_0s_0.1s_both] rounded bg-hover" /><Skeleton rows={rows ?? 8} /></div>;
  if (!of.error) return <Skeleton rows={rows ?? 5} />;
  return (
    <div className="space-y-4">
      {page && <h1 className="text-xl font-semibold tracking-tight">This page cannot be shown</h1>}
      <ProblemNote error={of.error} onRetry={() => of.refetch()} />
      {page && <p><Link to="/" className="font-medium text-accent underline">Go to the overview</Link></p>}
    </div>
  );
}
