import type { ReactElement } from "react";
import { useEffect, useMemo, useState } from "react";

import type { Schemas } from "@/api/client";
import { request } from "@/api/client";
import type { Faults } from "@/api/problem";
import { faultsAt } from "@/api/problem";
import { inZone } from "@/lib/format";
import { cx } from "@/ui/cx";
import { Choices, Field, Input, Select } from "@/ui/Field";

type Schedule = Schemas["Schedule"];

// Made once: these are some hundred, and the form is drawn anew with each letter that is typed into it.
const ZONES = <datalist id="zones">{Intl.supportedValuesOf("timeZone").map((name) => <option key={name} value={name} />)}</datalist>;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface Props {
  value: Schedule;
  faults: Faults;
  /** The next times of the sync itself, as long as nothing is changed; none while it is paused. */
  saved: string[] | undefined;
  onChange: (schedule: Schedule) => void;
}

export function ScheduleField({ value, faults: refused, saved, onChange }: Props): ReactElement {
  const times = useNextTimes(value);
  // What was refused when it was saved counts until the service has looked at what is there now.
  const faults = times.pending || value.type === "manual" ? refused : times.faults;
  const next = saved ?? times.next;
  const start = (type: Schedule["type"]): Schedule => (type === "manual" ? { type } : type === "interval" ? { type, every: 15, unit: "minutes" } : { type, expression: "0 6 * * *", time_zone: HERE });
  const zone = value.type === "cron" ? value.time_zone : HERE;
  return (
    <div className="space-y-3">
      <Choices
        legend="When it runs"
        inline
        value={value.type}
        onChange={(type) => onChange(start(type))}
        choices={[
          { value: "manual", label: "By hand", hint: "Or whenever the API is asked to." },
          { value: "interval", label: "Every so often", hint: "Every n minutes, hours or days." },
          { value: "cron", label: "Cron", hint: "At times of a clock, in a time zone." },
        ]}
      />
      {value.type === "interval" && (
        <div className="flex items-end gap-2">
          <Field label="Every" error={faults["/schedule/every"]} className="w-24"><Input type="number" min={1} required value={value.every || ""} onChange={(event) => onChange({ ...value, every: Number(event.target.value) })} /></Field>
          <Field label="Unit" className="w-32"><Select value={value.unit} onChange={(event) => onChange({ ...value, unit: event.target.value as Schemas["Unit"] })}><option>minutes</option><option>hours</option><option>days</option></Select></Field>
        </div>
      )}
      {value.type === "cron" && (
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Expression" error={faults["/schedule/expression"]} hint="Minute, hour, day, month, weekday: 30 6 * * 1-5 is half past six on working days."><Input mono required value={value.expression} onChange={(event) => onChange({ ...value, expression: event.target.value })} /></Field>
          <Field label="Time zone" error={faults["/schedule/time_zone"]} hint="Right across daylight saving."><Input required list="zones" value={value.time_zone} onChange={(event) => onChange({ ...value, time_zone: event.target.value })} /></Field>
          {ZONES}
        </div>
      )}
      {faults["/schedule"] && <p role="alert" className="text-xs text-bad">{faults["/schedule"]}</p>}
      {value.type !== "manual" && (
        <div className="min-h-32 text-xs text-muted" aria-live="polite" aria-busy={times.pending}>
          {saved?.length === 0 ? "There is no next time while it is paused." : next && (
            <div className={cx("transition-opacity", times.failed && !saved && "opacity-50")}>
              <p>{times.failed && !saved ? "Before the mistake it was, " : "Next, "}in {zone}:</p>
              <ol className="figures mt-1 space-y-0.5">{next.map((at) => <li key={at}><time dateTime={at} title={new Date(at).toISOString()}>{inZone(new Date(at), zone)}</time></li>)}</ol>
            </div>
          )}
        </div>
      )}
    </div>
  );
}

const PAUSE = 250;

/** The next times of a schedule that is not saved, again after each pause in typing. */
function useNextTimes(schedule: Schedule): { next: string[] | undefined; faults: Faults; failed: boolean; pending: boolean } {
  const [found, setFound] = useState<{ asked?: string; next?: string[]; error?: unknown }>({});
  const asked = JSON.stringify(schedule);
  useEffect(() => {
    if (schedule.type === "manual") return;
    const control = new AbortController();
    const timer = setTimeout(() => {
      request("post", "/v1/schedules/next", { body: { schedule: JSON.parse(asked) as Schedule }, signal: control.signal }).then(
        ({ next }) => setFound({ asked, next }),
        (error: unknown) => !control.signal.aborted && setFound((before) => ({ ...before, asked, error })),
      );
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [asked, schedule.type]);
  const faults = useMemo(() => faultsAt(found.error).at, [found.error]);
  const current = found.asked === asked;
  return { next: found.next, faults: current ? faults : {}, failed: current && found.error !== undefined, pending: !current };
}
