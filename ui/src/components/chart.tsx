import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { timeOfDay } from "../format/time.ts";
import { repaint } from "../state/theme.ts";

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
  const plot = useRef<uPlot | undefined>(undefined);
  const [at, setAt] = useState<number | null | undefined>();
  const painted = repaint.value;
  const data = useMemo<uPlot.AlignedData>(
    () => [props.at.map((t) => new Date(t).getTime() / 1000), props.values],
    [props.at, props.values],
  );
  const newest = useRef({ data, format: props.format });
  newest.current = { data, format: props.format };

  // A line needs two points; from one, the axis of time would be made up.
  const drawable = props.values.length > 1;

  useEffect(() => {
    if (!drawable) return;
    let gone = false;
    let watch: ResizeObserver | undefined;
    // Only pages with charts load what draws them.
    void import("uplot").then(({ default: UPlot }) => {
      const node = box.current;
      if (gone || !node) return;
      const format = (value: number) => newest.current.format(value);
      const drawn = new UPlot(options(node, props, format, setAt), newest.current.data, node);
      plot.current = drawn;
      watch = new ResizeObserver(() => drawn.setSize({ width: node.clientWidth, height: node.clientHeight }));
      watch.observe(node);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [drawable, painted, props.colour, props.most]);

  useEffect(() => plot.current?.setData(data), [data]);

  const last = props.values.length - 1;
  const shown = at ?? last;
  const value = props.values[shown];
  const time = props.at[shown];
  return (
    <figure class="chart">
      <figcaption>
        <span>{props.title}</span>
        <span class="value">{value === undefined ? "–" : props.format(value)}</span>
        <span class="faint">{at !== null && at !== undefined && time ? timeOfDay(time) : ""}</span>
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
  node: HTMLElement,
  props: Props,
  format: (value: number) => string,
  point: (at: number | null | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(node);
  const of = (name: string) => style.getPropertyValue(name).trim();
  // Canvas knows no `light-dark()`: a custom property that was resolved as a colour is needed.
  const line = resolved(node, props.colour);
  const axis = {
    stroke: resolved(node, "--ink-soft"),
    font: `11px ${of("--font")}`,
    grid: { stroke: resolved(node, "--line-soft"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: node.clientWidth,
    height: props.height ?? HEIGHT,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
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
    series: [{}, { stroke: line, width: 1.75, fill: fade(line), points: { show: false } }],
    hooks: { setCursor: [(u) => point(u.cursor.idx)] },
  };
}

/** Times of the axis, to the second where they are close. */
function times(splits: number[]): string[] {
  const [first = 0, second = 60] = splits;
  const format = second - first < 60 ? withSeconds : hourMinute;
  return splits.map((seconds) => format.format(seconds * 1000));
}

const withSeconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hour12: false });
const hourMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

function resolved(node: HTMLElement, property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  node.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function fade(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, (_, inner: string) => `rgb(${inner.replaceAll(",", " ")} / 12%)`);
}
