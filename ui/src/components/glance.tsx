import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Column, DatasetRecord } from "../api/types.ts";
import { cell } from "../format/json.ts";
import { isOfData, nameOf } from "../format/record.ts";
import { Facts } from "./facts.tsx";

/** A pointer that only passes by shows nothing; one on its way to the card does not lose it. */
const RESTS_MS = 250;
const MOST_FACTS = 12;
const MOST_LETTERS = 160;
const WIDTH = 380;
const GAP = 8;

interface Shown<T> {
  id: string;
  item: T;
  /** What it is about, on the screen. */
  rect: DOMRect;
  stay(): void;
  leave(): void;
}

/** Shows something about what the pointer rests on, or what has the focus; Escape hides it. */
export function useGlance<T>() {
  const id = useId();
  const [shown, setShown] = useState<{ item: T; node: Element; rect: DOMRect } | undefined>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const hide = () => {
    clearTimeout(timer.current);
    setShown(undefined);
  };
  const soon = (act: () => void) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(act, RESTS_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!shown) return;
    const key = (event: KeyboardEvent) => event.key === "Escape" && hide();
    // What gets the focus is scrolled into view, and takes its card along.
    const scrolled = () => (shown.node === document.activeElement ? show(shown.item, shown.node) : hide());
    document.addEventListener("keydown", key);
    document.addEventListener("scroll", scrolled, { passive: true, capture: true });
    return () => {
      document.removeEventListener("keydown", key);
      document.removeEventListener("scroll", scrolled, { capture: true });
    };
  }, [shown]);
  const show = (item: T, node: Element) => setShown({ item, node, rect: node.getBoundingClientRect() });
  return {
    hide,
    over: (item: T) => ({
      "aria-describedby": shown?.item === item ? id : undefined,
      onMouseEnter: (event: { currentTarget: Element }) => {
        const node = event.currentTarget;
        soon(() => show(item, node));
      },
      onMouseLeave: () => soon(hide),
      onFocus: (event: { currentTarget: Element }) => {
        // A press with the mouse opens the whole of it.
        if (event.currentTarget.matches(":focus-visible")) show(item, event.currentTarget);
      },
      onBlur: hide,
    }),
    shown: shown && {
      ...shown,
      id,
      stay: () => clearTimeout(timer.current),
      leave: () => soon(hide),
    },
  };
}

/** A record in short, beside where it stands. */
export function Glance(props: Shown<DatasetRecord> & { columns: Column[] }) {
  const { item, rect } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(rect.top);
  useEffect(() => {
    const height = box.current?.offsetHeight ?? 0;
    setTop(Math.max(GAP, Math.min(rect.top, window.innerHeight - height - GAP)));
  }, [rect]);
  const left = Math.max(GAP, Math.min(rect.right + GAP, window.innerWidth - WIDTH - GAP));
  const columns = props.columns.filter(({ name }) => isOfData(name) && item[name] !== null);
  return (
    <div
      ref={box}
      id={props.id}
      class="glance"
      role="tooltip"
      style={{ left: `${left}px`, top: `${top}px`, width: `${WIDTH}px` }}
      onMouseEnter={props.stay}
      onMouseLeave={props.leave}
    >
      <p class="glance-title">{nameOf(item)}</p>
      <Facts rows={columns.slice(0, MOST_FACTS).map(({ name }) => [name, short(item[name])] as const)} />
      {columns.length > MOST_FACTS && <p class="faint">and {columns.length - MOST_FACTS} more columns</p>}
    </div>
  );
}

function short(value: unknown): string {
  const text = cell(value);
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text;
}
