import type { ReactElement } from "react";

import type { RowOutcome } from "@/log/shapes";
import type { Tone } from "@/ui/bits";
import { CopyButton } from "@/ui/bits";

export const TONES: Record<RowOutcome, Tone> = { delivered: "good", rejected: "bad", unanswered: "warn", deferred: "warn", invalid: "bad" };

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

/** The time of day to the millisecond, with the date and UTC on hover: for long lists, where a tip each would be slow. */
export function Clock({ at }: { at: string }): ReactElement {
  const date = new Date(at);
  return <time dateTime={at} title={`${DAY.format(date)} ${CLOCK.format(date)}, ${date.toISOString()}`} className="figures">{CLOCK.format(date)}</time>;
}

export function latency(microseconds: number): string {
  const milliseconds = microseconds / 1000;
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** A figure of 56 digits: its end tells records apart. */
export function SequenceNumber({ value, short }: { value: string; short?: boolean }): ReactElement {
  return (
    <span className="inline-flex max-w-full min-w-0 items-center gap-0.5">
      <code className="truncate font-mono text-xs" title={value}>{short ? `…${value.slice(-8)}` : value}</code>
      {!short && <CopyButton text={value} label="Copy the sequence number" />}
    </span>
  );
}
