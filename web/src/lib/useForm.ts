import { useBlocker } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { asProblem, faultsAt } from "@/api/problem";

/** A form's value, whether it differs from what is saved, and what the service said is wrong with it. */
export function useForm<T>(initial: T) {
  const [saved, setSaved] = useState(initial);
  const [value, setValue] = useState(initial);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const dirty = useMemo(() => JSON.stringify(value) !== JSON.stringify(saved), [value, saved]);
  const faults = useMemo(() => faultsAt(error).at, [error]);
  const set = (change: Partial<T>) => setValue((before) => ({ ...before, ...change }));
  /** Gives what `work` gives, or undefined if it was refused. */
  const submit = async <R>(work: (value: T) => Promise<R>): Promise<R | undefined> => {
    setBusy(true);
    setError(undefined);
    try {
      const done = await work(value);
      setSaved(value);
      return done;
    } catch (problem) {
      setError(asProblem(problem));
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  const reset = (to: T) => (setSaved(to), setValue(to), setError(undefined));
  return { value, set, setValue, dirty, busy, error, faults, submit, reset };
}

/** Asks before what was typed is lost by leaving the page. */
export function useUnsavedGuard(dirty: boolean) {
  return useBlocker({ shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname, enableBeforeUnload: () => dirty, withResolver: true, disabled: !dirty });
}
