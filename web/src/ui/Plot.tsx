import type { ReactElement } from "react";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import "./plot.css";
import type { Step } from "./steps";
import { corners, SPANS, spanText } from "./steps";

export interface PlotProps {
  steps: Step[];
  /** Of each series, from above to below: the name of a variable of `styles.css`. */
  colors: string[];
  height: number;
  /** What stands beside the lines. */
  text: (value: number) => string;
  /** Bytes are counted in powers of two. */
  binary: boolean;
  /** The moment that is chosen, in seconds. */
  at: number | undefined;
  onPoint: (time: number | undefined) => void;
}

const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** uPlot, which only `TimeSeries` knows. Colors are asked for whenever it draws, so that it follows what is light or dark. */
export default function Plot({ steps, colors, height, text, binary, at, onPoint }: PlotProps): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const end = useRef(0.001);
  const label = useRef(text);
  label.current = text;
  end.current = Math.max(0.001, steps.at(-1)?.to ?? 0);
  const names = colors.join();

  useEffect(() => {
    const root = box.current;
    if (!root) return undefined;
    const style = getComputedStyle(root);
    const color = (name: string) => () => style.getPropertyValue(`--${name}`);
    const axis = { stroke: color("muted"), font: `11px ${style.fontFamily}`, grid: { stroke: color("line"), width: 1 }, ticks: { show: false } };
    const widest = (labels: string[]) => Math.max(0, ...labels.map((each) => each.length)) * 6.5 + 14;
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const made = new uPlot(
      {
        width: Math.max(root.clientWidth, 50),
        height,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        // Choosing by keys is done by who shows this, and zooming could not be.
        cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: { x: { time: false, range: () => [0, end.current] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
        axes: [
          { ...axis, size: 26, gap: 6, space: 70, incrs: SPANS, values: (_, splits) => splits.map((split) => spanText(split, end.current)) },
          { ...axis, gap: 6, space: 34, size: (_, labels) => widest(labels ?? []), values: (_, splits) => splits.map((split) => label.current(split)), ...(binary ? { incrs: BINARY } : {}) },
        ],
        series: [{}, ...names.split(",").map((name): uPlot.Series => ({ fill: color(name), stroke: color(name), width: 1, points: { show: false }, ...(stepped ? { paths: stepped } : {}) }))],
      },
      undefined,
      root,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: Math.max(root.clientWidth, 50), height }));
    sizes.observe(root);
    const theme = new MutationObserver(() => made.redraw(false, true));
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => (sizes.disconnect(), theme.disconnect(), made.destroy(), (plot.current = undefined));
  }, [names, height, binary]);

  useEffect(() => plot.current?.setData(corners(steps, names.split(",").length)), [steps, names, height, binary]);

  useEffect(() => {
    const made = plot.current;
    made?.setCursor({ left: at === undefined ? -10 : made.valToPos(at, "x"), top: at === undefined ? -10 : 0 }, false);
  }, [at, steps]);

  const point = (clientX: number) => {
    const made = plot.current;
    if (made) onPoint(Math.min(Math.max(made.posToVal(clientX - made.over.getBoundingClientRect().left, "x"), 0), end.current));
  };
  return <div ref={box} className="min-w-0" onMouseMove={(event) => point(event.clientX)} onMouseLeave={() => onPoint(undefined)} />;
}
