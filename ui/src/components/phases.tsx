import type { PhaseProgress } from "../api/types.ts";
import { count, percent, plural } from "../format/number.ts";
import { Progress } from "./bar.tsx";

/** How far each phase of a run is, in their order. What a later one has to do is known only as earlier ones go on. */
export function Phases({ phases, ended }: { phases: PhaseProgress[]; ended: boolean }) {
  return (
    <ol class="phases">
      {phases.map(({ phase, splits_done: done, splits_total: total, records }, at) => {
        const share = total === 0 ? undefined : done / total;
        return (
          <li key={phase} data-phase={phase}>
            <p class="phase-name">
              <span class="phase-number" aria-hidden="true">
                {at + 1}
              </span>
              <b>{phase}</b>
              <span class="faint">{share === undefined ? "not begun" : percent(share)}</span>
            </p>
            <Progress
              label={`Phase ${at + 1}, ${phase}`}
              share={share}
              tone={share === 1 && (ended || at === 0) ? "completed" : ""}
            />
            <p class="inline-facts">
              <span>
                {count(done)} of {plural(total, "split")}
              </span>
              <span>{plural(records, "record")}</span>
            </p>
          </li>
        );
      })}
    </ol>
  );
}
