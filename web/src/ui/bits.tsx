import { Check, Copy as CopyIcon } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { useState } from "react";

import { localTime, relative } from "@/lib/format";
import { useNow } from "@/lib/now";

import { IconButton } from "./Button";
import { cx } from "./cx";
import { Tip } from "./Tip";

export type Tone = "good" | "warn" | "bad" | "busy" | "quiet";

const DOTS: Record<Tone, string> = { good: "bg-good-fill", warn: "bg-warn-fill", bad: "bg-bad-fill", busy: "bg-info-fill animate-pulse", quiet: "bg-quiet-fill" };

/** A state in words, with a colour for those who see it. */
export function Status({ tone, children, className }: { tone: Tone; children: ReactNode; className?: string }): ReactElement {
  return (
    <span className={cx("inline-flex items-center gap-1.5 whitespace-nowrap", className)}>
      <span className={cx("size-2 shrink-0 rounded-full", DOTS[tone])} aria-hidden />
      {children}
    </span>
  );
}

export function Chip({ children, className }: { children: ReactNode; className?: string }): ReactElement {
  return <span className={cx("inline-flex h-5 items-center rounded border border-line bg-sunken px-1.5 text-xs whitespace-nowrap text-muted", className)}>{children}</span>;
}

/** How long ago; the exact time here and in UTC on hover. */
export function Time({ at, exact }: { at: string | null | undefined; exact?: boolean }): ReactElement {
  const now = useNow();
  if (!at) return <span className="text-faint">never</span>;
  const date = new Date(at);
  const both = (
    <span className="figures">
      {localTime(date)}
      <br />
      {date.toISOString()}
    </span>
  );
  return (
    <Tip text={both}>
      <time dateTime={at} className="figures whitespace-nowrap" tabIndex={-1}>
        {exact ? localTime(date) : relative(date, now)}
      </time>
    </Tip>
  );
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }): ReactElement {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <IconButton label={copied ? "Copied" : label} small onClick={() => void copy()} className="size-6">
      {copied ? <Check className="size-3.5 text-good" aria-hidden /> : <CopyIcon className="size-3.5" aria-hidden />}
    </IconButton>
  );
}

/** Its beginning says what it is, its end which one. */
export function shortId(id: string): string {
  return id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id;
}

/** An id, key or ARN, to be copied. */
export function Id({ value, short }: { value: string; short?: boolean }): ReactElement {
  return (
    <span className="inline-flex max-w-full items-center gap-0.5">
      <code className="truncate font-mono text-xs text-muted">{short ? shortId(value) : value}</code>
      <CopyButton text={value} label={`Copy ${value}`} />
    </span>
  );
}

/** Text of a machine, to be read and copied. */
export function CodeBlock({ text, label, className, wrap }: { text: string; label: string; className?: string; wrap?: boolean }): ReactElement {
  return (
    <div className={cx("relative min-w-0 rounded-md border border-line bg-sunken", className)}>
      <div className="absolute top-1 right-1 rounded bg-sunken">
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      <pre tabIndex={0} role="region" aria-label={label} className={cx("max-h-96 overflow-auto p-3 pr-9 font-mono text-xs leading-[18px]", wrap && "break-all whitespace-pre-wrap")}>
        {text}
      </pre>
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }): ReactElement {
  return <kbd className="rounded border border-line bg-sunken px-1 font-mono text-[11px] text-muted">{children}</kbd>;
}

/** Names and values, one below the other on a phone. */
export function Facts({ children, className }: { children: ReactNode; className?: string }): ReactElement {
  return <dl className={cx("grid grid-cols-[minmax(7rem,max-content)_minmax(0,1fr)] gap-x-6 gap-y-1.5 text-[13px]", className)}>{children}</dl>;
}

export function Fact({ name, children }: { name: ReactNode; children: ReactNode }): ReactElement {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

export function Section({ title, about, actions, children, className }: { title: ReactNode; about?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }): ReactElement {
  return (
    <section className={cx("min-w-0 space-y-3", className)}>
      <div className="flex flex-wrap items-end justify-between gap-2">
        <div>
          <h2 className="text-[15px] font-semibold">{title}</h2>
          {about && <p className="max-w-prose text-[13px] text-muted">{about}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
