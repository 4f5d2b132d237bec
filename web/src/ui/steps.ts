/** A part of the time, in seconds since the beginning of a chart, and a value for each of its series. */
export interface Step {
  from: number;
  to: number;
  values: number[];
}

/** What a chart draws: the corners of each series, the first above all others when they are stacked. Between two parts there was nothing. */
export function corners(steps: Step[], series: number): [number[], ...number[][]] {
  const times: number[] = [];
  const values: number[][] = Array.from({ length: series }, () => []);
  const corner = (at: number, of: (place: number) => number) => (times.push(at), values.forEach((line, place) => line.push(of(place))));
  steps.forEach((step, at) => {
    const next = steps[at + 1];
    // One that overlaps with the part before it, since clocks are no finer, begins where that ends.
    const from = Math.max(step.from, times.at(-1) ?? 0);
    // Series lie upon each other, so that the last is at the bottom.
    corner(from, (place) => step.values.slice(place).reduce((sum, value) => sum + value, 0));
    if (!next || next.from > step.to + 0.001) corner(Math.max(step.to, from), () => 0);
  });
  return [times, ...values];
}

/** The part at a moment, or the one before it. */
export function stepAt(steps: Step[], time: number): number | undefined {
  return steps.length === 0 ? undefined : Math.max(0, steps.findLastIndex((step) => step.from <= time));
}

/** Distances of lines across time that people count in, in seconds. */
export const SPANS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800];

/** `500 ms`, `2 s`, `1:30 min`, `2:05 h`: short enough to stand below a line. */
export function spanText(seconds: number, whole: number): string {
  if (seconds === 0) return "0 s";
  if (whole < 2) return `${Math.round(seconds * 1000)} ms`;
  if (whole < 120) return `${Number(seconds.toFixed(1))} s`;
  const unit = whole < 7200 ? 60 : 3600;
  const [large, small] = [Math.floor(seconds / unit), Math.round((seconds % unit) / (unit / 60))];
  return `${large}${small === 0 ? "" : `:${String(small).padStart(2, "0")}`} ${unit === 60 ? "min" : "h"}`;
}
