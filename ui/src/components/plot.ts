import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { repaint } from "../state/theme.ts";

/** Where the pointer is: the number of a sample, or nowhere. */
export type Pointed = number | null | undefined;

/** What draws, once it is loaded: only pages with charts load it. */
export type Draw = (uplot: typeof uPlot, node: HTMLElement) => uPlot.Options;

interface PlotProps {
  data: uPlot.AlignedData;
  draw: Draw;
  /** A plot that differs in any of these is made anew; one with other data only is not. */
  look: unknown[];
  /** Whether there is enough to draw. */
  drawable: boolean;
}

/** Keeps a plot in a box: made when there is something to draw, again when colours change, as wide as the box. */
export function usePlot(box: RefObject<HTMLDivElement | null>, props: PlotProps): void {
  const { data, drawable } = props;
  const plot = useRef<uPlot | undefined>(undefined);
  const painted = repaint.value;
  const newest = useRef(props);
  newest.current = props;

  useEffect(() => {
    if (!drawable) return;
    let gone = false;
    let watch: ResizeObserver | undefined;
    void import("uplot").then(({ default: UPlot }) => {
      const node = box.current;
      if (gone || !node) return;
      const drawn = new UPlot(newest.current.draw(UPlot, node), newest.current.data, node);
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
  }, [drawable, painted, ...props.look]);

  useEffect(() => plot.current?.setData(data), [data]);
}

/** Times of samples as plots take them. */
export function seconds(at: string[]): number[] {
  return at.map((time) => new Date(time).getTime() / 1000);
}

/** What all plots have: no legend of their own, since a table or a caption says it. */
export function frameOf(
  node: HTMLElement,
  height: number,
  point: (at: Pointed) => void,
): Pick<uPlot.Options, "width" | "height" | "legend" | "padding" | "cursor" | "hooks"> {
  return {
    width: node.clientWidth,
    height,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    hooks: { setCursor: [(u) => point(u.cursor.idx)] },
  };
}

export function axisOf(node: HTMLElement): uPlot.Axis {
  return {
    stroke: resolved(node, "--ink-soft"),
    font: `11px ${getComputedStyle(node).getPropertyValue("--font").trim()}`,
    grid: { stroke: resolved(node, "--line-soft"), width: 1 },
    ticks: { show: false },
  };
}

/** Canvas knows no `light-dark()`: a custom property that was resolved as a colour is needed. */
export function resolved(node: HTMLElement, property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  node.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const DAY = 86_400;
const withSeconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hour12: false });
const hourMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** Times of the axis, as fine as they are close. */
export function times(splits: number[]): string[] {
  const [first = 0, second = 60] = splits;
  const step = second - first;
  const format = step < 60 ? withSeconds : step < DAY ? hourMinute : dayMonth;
  return splits.map((at) => (isMidnight(at) ? dayMonth : format).format(at * 1000));
}

/** Where a day begins, the axis names it. */
function isMidnight(at: number): boolean {
  const date = new Date(at * 1000);
  return date.getHours() + date.getMinutes() + date.getSeconds() === 0;
}
