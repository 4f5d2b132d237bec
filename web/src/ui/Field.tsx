import type { ComponentProps, ReactElement, ReactNode } from "react";
import { createContext, useContext, useId } from "react";

import { cx } from "./cx";

interface Described {
  id: string;
  describedBy: string | undefined;
  wrong: boolean;
}

const FieldContext = createContext<Described | undefined>(undefined);

interface FieldProps {
  label: ReactNode;
  /** What to put in, where the label does not say it. */
  hint?: ReactNode;
  /** What is wrong with it. */
  error?: string | undefined;
  optional?: boolean;
  className?: string;
  children: ReactNode;
}

/** A label, its control, and what is to be known about it, tied together for screen readers. */
export function Field({ label, hint, error, optional, className, children }: FieldProps): ReactElement {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <FieldContext value={{ id, describedBy: described || undefined, wrong: Boolean(error) }}>
      <div className={cx("flex min-w-0 flex-col gap-1", className)}>
        <label htmlFor={id} className="text-[13px] font-medium">
          {label}
          {optional && <span className="ml-1 font-normal text-faint">optional</span>}
        </label>
        {children}
        {error && (
          <p id={`${id}-error`} role="alert" className="text-xs text-bad">
            {error}
          </p>
        )}
        {hint && (
          <p id={`${id}-hint`} className="text-xs text-muted">
            {hint}
          </p>
        )}
      </div>
    </FieldContext>
  );
}

const CONTROL = "h-8 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-[13px] text-ink aria-invalid:border-bad disabled:opacity-60";

function useDescribed(): { id?: string; "aria-describedby"?: string; "aria-invalid"?: true } {
  const field = useContext(FieldContext);
  if (!field) return {};
  return { id: field.id, ...(field.describedBy ? { "aria-describedby": field.describedBy } : {}), ...(field.wrong ? { "aria-invalid": true as const } : {}) };
}

export function Input({ className, mono, ...rest }: ComponentProps<"input"> & { mono?: boolean }): ReactElement {
  return <input {...useDescribed()} spellCheck={false} {...rest} className={cx(CONTROL, mono && "font-mono text-xs", className)} />;
}

export function TextArea({ className, mono, ...rest }: ComponentProps<"textarea"> & { mono?: boolean }): ReactElement {
  return <textarea {...useDescribed()} spellCheck={false} rows={4} {...rest} className={cx(CONTROL, "h-auto py-1.5", mono && "font-mono text-xs", className)} />;
}

export function Select({ className, children, ...rest }: ComponentProps<"select">): ReactElement {
  return (
    <select {...useDescribed()} {...rest} className={cx(CONTROL, "pr-6", className)}>
      {children}
    </select>
  );
}

export function Check({ label, hint, className, ...rest }: Omit<ComponentProps<"input">, "type"> & { label: ReactNode; hint?: ReactNode }): ReactElement {
  const id = useId();
  return (
    <div className={cx("flex items-start gap-2", className)}>
      <input type="checkbox" id={id} aria-describedby={hint ? `${id}-hint` : undefined} {...rest} className="mt-0.5 size-4 shrink-0 accent-accent" />
      <div>
        <label htmlFor={id} className="text-[13px]">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-xs text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

interface Choice<T extends string> {
  value: T;
  label: ReactNode;
  hint?: ReactNode;
  disabled?: boolean;
}

/** Few choices that need a sentence each. */
export function Choices<T extends string>({ legend, value, choices, onChange, inline }: { legend: string; value: T; choices: Choice<T>[]; onChange: (value: T) => void; inline?: boolean }): ReactElement {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-[13px] font-medium">{legend}</legend>
      <div className={cx("grid gap-2", inline && "sm:grid-cols-[repeat(auto-fit,minmax(11rem,1fr))]")}>
        {choices.map((choice) => (
          <label key={choice.value} className={cx("flex items-start gap-2 rounded-md border border-line bg-surface px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft", choice.disabled && "opacity-60")}>
            <input type="radio" name={name} value={choice.value} checked={value === choice.value} disabled={choice.disabled} onChange={() => onChange(choice.value)} className="mt-0.5 size-4 shrink-0 accent-accent" />
            <span>
              <span className="block text-[13px] font-medium">{choice.label}</span>
              {choice.hint && <span className="block text-xs text-muted">{choice.hint}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A switch between views of the same thing. */
export function Segments<T extends string>({ label, value, choices, onChange }: { label: string; value: T; choices: { value: T; label: ReactNode }[]; onChange: (value: T) => void }): ReactElement {
  return (
    <div role="group" aria-label={label} className="inline-flex flex-wrap rounded-md border border-line bg-sunken p-0.5">
      {choices.map((choice) => (
        <button key={choice.value} type="button" aria-pressed={value === choice.value} onClick={() => onChange(choice.value)} className="h-6.5 rounded px-2.5 text-xs whitespace-nowrap font-medium text-muted aria-pressed:bg-raised aria-pressed:text-ink aria-pressed:shadow-sm">
          {choice.label}
        </button>
      ))}
    </div>
  );
}
