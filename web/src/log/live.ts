import type { Rate } from "./report";

/** What a run had come to at a moment, in milliseconds since 1970. */
export interface Sample {
  at: number;
  delivered: number;
  throttled: number;
}

const MOST = 240;

/** One more of what a run tells while it sends. When there are many, every second one is left out: the sums stay. */
export function withSample(samples: Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  // An attempt that takes over counts from its own beginning.
  if (last && (sample.delivered < last.delivered || sample.throttled < last.throttled)) return [sample];
  const all = [...samples, sample];
  return all.length > MOST ? all.filter((_, at) => at === 0 || at % 2 === all.length % 2 || at === all.length - 1) : all;
}

/** Per second, between one sample and the next. Bytes are not told while it works. */
export function liveRates(samples: Sample[]): Rate[] {
  const start = samples[0]?.at ?? 0;
  return samples.slice(1).map((sample, place) => {
    const before = samples[place] as Sample;
    const seconds = Math.max(sample.at - before.at, 1) / 1000;
    return { from: (before.at - start) / 1000, to: (before.at - start) / 1000 + seconds, records: (sample.delivered - before.delivered) / seconds, bytes: 0, throttled: (sample.throttled - before.throttled) / seconds };
  });
}
