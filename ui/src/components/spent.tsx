import type { SourceRun, TimeSpent } from "../api/types.ts";
import { percent } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { type Part, StackedBar } from "./bar.tsx";

const PARTS: { key: keyof TimeSpent; name: string; look: string }[] = [
  { key: "limits_s", name: "waiting for limits", look: "part-1" },
  { key: "server_s", name: "server", look: "part-2" },
  { key: "parse_s", name: "parse", look: "part-3" },
  { key: "transform_s", name: "transform", look: "part-4" },
  { key: "write_s", name: "write", look: "part-5" },
];

function partsOf(time: TimeSpent): Part[] {
  return PARTS.map(({ key, name, look }) => ({ name, look, value: time[key] }));
}

function sum(times: TimeSpent[]): TimeSpent {
  const total: TimeSpent = { limits_s: 0, server_s: 0, parse_s: 0, transform_s: 0, write_s: 0 };
  for (const time of times) for (const { key } of PARTS) total[key] += time[key];
  return total;
}

/** Where the time went: of the whole run, and of each source. */
export function Spent({ sources }: { sources: SourceRun[] }) {
  const total = partsOf(sum(sources.map((source) => source.time)));
  const all = total.reduce((seconds, part) => seconds + part.value, 0);
  const words = (part: Part) => duration(part.value);
  if (all === 0) return <p class="empty">Nothing was measured yet.</p>;
  return (
    <div class="spent">
      <StackedBar parts={total} label="All sources" words={words} />
      <dl class="legend">
        {total.map((part) => (
          <div key={part.name}>
            <dt>
              <span class={`swatch ${part.look}`} />
              {part.name}
            </dt>
            <dd>
              {words(part)} <span class="faint">{percent(part.value / all)}</span>
            </dd>
          </div>
        ))}
      </dl>
      {sources.length > 1 && (
        <ul class="spent-each">
          {sources.map((source) => (
            <li key={source.name}>
              <span class="name">{source.name}</span>
              <StackedBar parts={partsOf(source.time)} label={source.name} words={words} />
              <span class="number">
                {duration(partsOf(source.time).reduce((seconds, part) => seconds + part.value, 0))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
