import type { PhaseProgress } from "../api/types.ts";
import { count, percent, plural } from "../format/number.ts";
import { Progress } from "./bar.tsx";

interface Props {
  phases: PhaseProgress[];
  /** Whose, if that is not clear. */
  source?: string | undefined;
}

/**
 * How far each part of a source's work is, in their order. What a later one has to do is known only as the
 * earlier ones go on: until they are done, it is not complete.
 */
export function Phases({ phases, source }: Props) {
  let before = true;
  return (
    <ol class="phases" aria-label={source ? `Phases of ${source}` : "Phases"}>
      {phases.map(({ phase, splits_done: done, splits_total: total, records }, at) => {
        const share = total === 0 ? undefined : done / total;
        const complete = before && share === 1;
        before = complete;
        return (
          <li key={phase} data-phase={phase}>
            <p class="phase-name">
              <span class="phase-number" aria-hidden="true">
                {at + 1}
              </span>
              <b>{phase}</b>
              {source && <span class="faint">{source}</span>}
              <span class="phase-share faint">{share === undefined ? "not begun" : percent(share)}</span>
            </p>
            <Progress label={`Phase ${at + 1}, ${phase}`} share={share} tone={complete ? "completed" : ""} />
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
