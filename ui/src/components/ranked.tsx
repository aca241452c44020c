import type { ComponentChildren } from "preact";
import { Magnitude } from "./magnitude.tsx";

export interface Rank {
  id: string;
  what: ComponentChildren;
  /** Below it, in a few words. */
  facts: ComponentChildren;
  /** What it is ranked by, or stands out by. */
  value: number;
  text: string;
  /** A last word about it. */
  end?: ComponentChildren;
}

/** Things from the first to the last, each with a number and how it compares with the largest. */
export function Ranked(props: { label: string; ranks: Rank[]; empty: string }) {
  if (props.ranks.length === 0) return <p class="empty">{props.empty}</p>;
  const most = Math.max(...props.ranks.map((rank) => rank.value)) || 1;
  return (
    <ol class="ranked" aria-label={props.label}>
      {props.ranks.map((rank, at) => (
        <li key={rank.id}>
          <span class="rank" aria-hidden="true">
            {at + 1}
          </span>
          <div>
            {rank.what}
            <p class="inline-facts">{rank.facts}</p>
          </div>
          <Magnitude share={rank.value / most} text={rank.text} />
          {rank.end !== undefined && <b class="number">{rank.end}</b>}
        </li>
      ))}
    </ol>
  );
}
