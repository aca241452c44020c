import { useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { timeOfDay } from "../format/time.ts";
import { axisOf, frameOf, type Pointed, resolved, seconds, times, usePlot } from "./plot.ts";

interface Props {
  title: string;
  /** Times of the samples, RFC 3339. */
  at: string[];
  values: number[];
  format(value: number): string;
  /** The custom property with the colour. */
  colour: string;
  /** What a value cannot exceed, drawn as the upper end. */
  most?: number | undefined;
  /** Bytes: steps of the axis are round in KiB, MiB, ... */
  binary?: boolean;
  height?: number;
  /** A value holds until the next one. */
  stepped?: boolean;
  /** How the time of a sample is told. */
  when?(at: string): string;
}

const HEIGHT = 150;
/** The shortest time that is shown, in seconds. */
const LEAST_S = 120;
/** 1, 2 and 5 of each unit, and a quarter and a half of the next. */
const BINARY_STEPS = [0, 1, 2, 3, 4].flatMap((unit) =>
  [1, 2, 5, 10, 20, 50, 100, 256, 512].map((step) => step * 1024 ** unit),
);

/** One series over time. What it shows is also said in words, for those who do not see it. */
export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<Pointed>();
  const data = useMemo<uPlot.AlignedData>(() => [seconds(props.at), props.values], [props.at, props.values]);
  const format = useRef(props.format);
  format.current = props.format;
  // A line needs two points; from one, the axis of time would be made up.
  const drawable = props.values.length > 1;
  usePlot(box, {
    data,
    drawable,
    look: [props.colour, props.most],
    draw: (UPlot, node) => options(UPlot, node, props, (value) => format.current(value), setAt),
  });

  const last = props.values.length - 1;
  const shown = at ?? last;
  const value = props.values[shown];
  const time = props.at[shown];
  return (
    <figure class="chart">
      <figcaption>
        <span>{props.title}</span>
        <span class="value">{value === undefined ? "–" : props.format(value)}</span>
        <span class="faint">
          {at !== null && at !== undefined && time ? (props.when ?? timeOfDay)(time) : ""}
        </span>
      </figcaption>
      <div
        ref={box}
        class={`chart-box ${(props.height ?? HEIGHT) > HEIGHT ? "tall" : ""}`}
        role="img"
        aria-label={words(props)}
      >
        {!drawable && <p class="empty">There is nothing to draw yet.</p>}
      </div>
    </figure>
  );
}

function words(props: Props): string {
  const { values, format } = props;
  const last = values.at(-1);
  if (last === undefined) return `${props.title}: no samples yet`;
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return `${props.title}: now ${format(last)}, mean ${format(mean)}, highest ${format(most)}, over ${values.length} samples`;
}

function options(
  UPlot: typeof uPlot,
  node: HTMLElement,
  props: Props,
  format: (value: number) => string,
  point: (at: Pointed) => void,
): uPlot.Options {
  const line = resolved(node, props.colour);
  const axis = axisOf(node);
  const paths = props.stepped ? UPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    ...frameOf(node, props.height ?? HEIGHT, point),
    scales: {
      // A server that has just started has little to show; and where all is nothing, the axis needs an end.
      x: { range: (_, from, to) => [Math.min(from, to - LEAST_S), to] },
      y: { range: (_, __, max) => [0, Math.max(props.most ?? 0, max * 1.1 || 4)] },
    },
    axes: [
      { ...axis, size: 28, space: 70, values: (_, splits) => times(splits) },
      {
        ...axis,
        ...(props.binary ? { incrs: BINARY_STEPS } : {}),
        size: 68,
        space: 36,
        values: (_, splits) => splits.map((s) => format(s)),
      },
    ],
    series: [
      {},
      { stroke: line, width: 1.75, fill: fade(line), points: { show: false }, ...(paths ? { paths } : {}) },
    ],
  };
}

function fade(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, (_, inner: string) => `rgb(${inner.replaceAll(",", " ")} / 12%)`);
}
