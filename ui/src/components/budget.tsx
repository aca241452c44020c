import type { BudgetView } from "../api/types.ts";
import { money } from "../format/money.ts";
import { count, percent, plural } from "../format/number.ts";
import { Progress } from "./bar.tsx";
import { type Fact, Facts } from "./facts.tsx";

/** From here on a cap is near. */
const NEAR = 0.8;

/** What a source may use, what it has used, and what the next run is likely to use. */
export function Budget({ budget, running }: { budget: BudgetView; running: boolean }) {
  const run = running ? "This run" : "The last run";
  const { per_run, requests_per_run, requests_per_day, run_cost, run_requests, requests_today } = budget;
  return (
    <>
      <ul class="caps">
        {per_run !== undefined && run_cost !== undefined && (
          <Cap name={`${run}, cost`} used={run_cost} most={per_run} words={money} />
        )}
        {requests_per_run !== undefined && (
          <Cap name={`${run}, requests`} used={run_requests} most={requests_per_run} words={count} />
        )}
        {requests_per_day !== undefined && (
          <Cap name="Today (UTC), requests" used={requests_today} most={requests_per_day} words={count} />
        )}
      </ul>
      <Facts rows={facts(budget)} />
    </>
  );
}

interface CapProps {
  name: string;
  used: number;
  most: number;
  words(value: number): string;
}

function Cap({ name, used, most, words }: CapProps) {
  const share = most === 0 ? 1 : used / most;
  const tone = share >= 1 ? "failed" : share >= NEAR ? "partial" : "";
  return (
    <li>
      <p>
        {name}
        <span>
          <b>{words(used)}</b> of {words(most)} <span class="faint">{percent(Math.min(1, share))}</span>
        </span>
      </p>
      <Progress label={name} share={share} tone={tone} />
    </li>
  );
}

function facts(budget: BudgetView): Fact[] {
  const { cost_per_request: each, estimate_requests: requests, estimate_cost: cost } = budget;
  return [
    ["One request", each === undefined ? undefined : `costs ${money(each)}`],
    [
      "Next run",
      requests === undefined
        ? "not known before the first run"
        : `about ${plural(requests, "request")}${cost === undefined ? "" : `, ${money(cost)}`}`,
    ],
  ];
}
