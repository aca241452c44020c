import { useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { compact, count } from "../format/number.ts";
import { dateTime } from "../format/time.ts";
import { axisOf, frameOf, type Pointed, resolved, seconds, times, usePlot } from "./plot.ts";

/** One of the parts that stand on each other. */
export interface Layer {
  name: string;
  /** The custom property with its colour. */
  colour: string;
  /** The class of its swatch. */
  look: string;
  values: number[];
}

/** A line over the parts, with an axis of its own at the right. */
export interface Over {
  name: string;
  colour: string;
  look: string;
  /** Nothing where there is nothing to take the mean of. */
  values: (number | null)[];
  range: [number, number];
  format(value: number): string;
}

interface Props {
  title: string;
  at: string[];
  /** From the bottom to the top. */
  layers: Layer[];
  over: Over;
}

const HEIGHT = 240;

/** Counts over time, by part, and a line over them. The same is said in the legend, and in words. */
export function StackedChart(props: Props) {
  const { at, layers, over } = props;
  const box = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<Pointed>();
  // A bar that is behind is drawn first: each is as high as it and all below it.
  const data = useMemo<uPlot.AlignedData>(
    () => [seconds(at), ...stacked(layers).reverse(), over.values],
    [at, layers, over.values],
  );
  const drawable = at.length > 1;
  usePlot(box, {
    data,
    drawable,
    look: [layers.map((layer) => layer.colour).join()],
    draw: (UPlot, node) => options(UPlot, node, props, setPointed),
  });
  const shown = pointed ?? undefined;
  const time = shown === undefined ? undefined : at[shown];
  return (
    <figure class="chart">
      <figcaption>
        <span>{props.title}</span>
        <span class="faint">{time ? `from ${dateTime(time)}` : ""}</span>
      </figcaption>
      <div ref={box} class="chart-box high" role="img" aria-label={words(props)}>
        {!drawable && <p class="empty">There is nothing to draw yet.</p>}
      </div>
      <dl class="legend">
        {[...layers].reverse().map((layer) => (
          <div key={layer.name}>
            <dt>
              <span class={`swatch ${layer.look}`} />
              {layer.name}
            </dt>
            <dd>{count(shown === undefined ? sum(layer.values) : (layer.values[shown] ?? 0))}</dd>
          </div>
        ))}
        <div>
          <dt>
            <span class={`swatch line ${over.look}`} />
            {over.name}
          </dt>
          <dd>{told(over, shown)}</dd>
        </div>
      </dl>
    </figure>
  );
}

/** The line's value where somebody points; without, there is none for the whole. */
function told(over: Over, shown: number | undefined): string {
  const value = shown === undefined ? undefined : over.values[shown];
  return typeof value === "number" ? over.format(value) : "";
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Each layer's upper edge. */
function stacked(layers: Layer[]): number[][] {
  const edges: number[][] = [];
  for (const { values } of layers) {
    const below = edges.at(-1);
    edges.push(values.map((value, at) => value + (below?.[at] ?? 0)));
  }
  return edges;
}

function words({ title, at, layers, over }: Props): string {
  const parts = layers.map((layer) => `${layer.name} ${count(sum(layer.values))}`).join(", ");
  const known = over.values.filter((value) => value !== null);
  const ends = [known[0], known.at(-1)].map((value) =>
    value === undefined ? "unknown" : over.format(value),
  );
  return `${title}, over ${at.length} steps: ${parts}; ${over.name} from ${ends[0]} to ${ends[1]}`;
}

function options(
  UPlot: typeof uPlot,
  node: HTMLElement,
  { layers, over }: Props,
  point: (at: Pointed) => void,
): uPlot.Options {
  const axis = axisOf(node);
  const bars = UPlot.paths.bars?.({ size: [0.82, 48] });
  const line = resolved(node, over.colour);
  const step = (at: number[]) => Math.max(60, (at[1] ?? 60) - (at[0] ?? 0));
  return {
    ...frameOf(node, HEIGHT, point),
    scales: {
      // Room for half a bar at each end.
      x: {
        range: (u, from, to) => {
          const half = step(u.data[0] as number[]) / 2;
          return [from - half, to + half];
        },
      },
      y: { range: (_, __, max) => [0, max * 1.08 || 4] },
      over: { range: over.range },
    },
    axes: [
      { ...axis, size: 28, space: 70, values: (_, splits) => times(splits) },
      { ...axis, size: 56, space: 36, values: (_, splits) => splits.map(compact) },
      {
        ...axis,
        scale: "over",
        side: 1,
        size: 52,
        space: 48,
        grid: { show: false },
        values: (_, splits) => splits.map(over.format),
      },
    ],
    series: [
      {},
      ...[...layers].reverse().map((layer) => {
        const fill = resolved(node, layer.colour);
        return { fill, stroke: fill, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) };
      }),
      { scale: "over", stroke: line, width: 2, spanGaps: true, points: { show: false } },
    ],
  };
}
