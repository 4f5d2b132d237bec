import { useSyncExternalStore } from "react";

let now = new Date();
const listeners = new Set<() => void>();

/** The time, by one clock for all of the page, so that not each "4 min ago" needs its own. */
export function useNow(): Date {
  return useSyncExternalStore(subscribe, () => now);
}

let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = new Date();
    listeners.forEach((each) => each());
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
