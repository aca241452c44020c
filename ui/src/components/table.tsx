import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Col<T> {
  title: string;
  /** Numbers stand to the right. */
  number?: boolean;
  /** Not shown where there is little room; nothing that is nowhere else. */
  extra?: boolean;
  /** Takes a line of its own on narrow screens, without its title. */
  main?: boolean;
  /** What can be done with the row; beside the main cell on narrow screens. */
  act?: boolean;
  cell(row: T): ComponentChildren;
}

interface Props<T> {
  caption: string;
  cols: Col<T>[];
  rows: T[];
  id(row: T, at: number): string;
  empty?: ComponentChildren;
}

/** A table; on narrow screens each row becomes a card. The roles keep it a table for screen readers. */
export function Table<T>(props: Props<T>) {
  const { cols, rows } = props;
  const box = useRef<HTMLDivElement>(null);
  const scrolls = useScrolls(box);
  if (rows.length === 0 && props.empty !== undefined) return <p class="empty">{props.empty}</p>;
  return (
    <div class="table-fit">
      <div class="table-box" ref={box} tabIndex={scrolls ? 0 : undefined}>
        <table role="table">
          <caption class="unseen">{props.caption}</caption>
          <thead role="rowgroup">
            <tr role="row">
              {cols.map((col) => (
                <th key={col.title} scope="col" role="columnheader" class={look(col)}>
                  {col.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row, at) => (
              <tr key={props.id(row, at)} role="row">
                {cols.map((col) => (
                  <td key={col.title} role="cell" class={look(col)} data-title={col.title}>
                    {col.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function look<T>(col: Col<T>): string {
  return [col.number && "number", col.extra && "extra", col.main && "main", col.act && "act"]
    .filter(Boolean)
    .join(" ");
}

/** Whether there is more to the side: then the box can be reached by keyboard, to scroll it. */
function useScrolls(box: RefObject<HTMLElement | null>): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const watch = new ResizeObserver(() => setScrolls(node.scrollWidth > node.clientWidth));
    watch.observe(node);
    for (const child of node.children) watch.observe(child);
    return () => watch.disconnect();
  });
  return scrolls;
}
