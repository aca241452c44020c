import type { BudgetView, RunDetail, SourceDetail, SourceRun } from "../api/types.ts";
import { money } from "../format/money.ts";
import { count, percent, plural } from "../format/number.ts";
import { useQuery } from "../state/query.ts";
import { Progress } from "./bar.tsx";
import { type Fact, Facts } from "./facts.tsx";
import { Notice } from "./notice.tsx";
import { Section } from "./page.tsx";
import { Words } from "./words.tsx";

/** From here on a cap is near. */
const NEAR = 0.8;

/** What a source may use, what it has used, and what it is expected to use; nothing for one without a budget. */
export function Budget({ source }: { source: SourceDetail }) {
  const { running } = source;
  const run = running ?? source.last_run?.id;
  const detail = useQuery<RunDetail>(run === undefined ? null : `/runs/${encodeURIComponent(run)}`, {
    every: running ? 2000 : undefined,
  });
  const part = detail.data?.by_source.find((each) => each.name === source.name);
  const { budget } = source;
  if (!budget && part?.cost === undefined && part?.estimate === undefined) return null;
  return (
    <Section title="Budget">
      {part?.stopped?.by === "budget" && part.stopped.reason !== source.error && (
        <Notice tone="warn">
          <Words text={part.stopped.reason} />
        </Notice>
      )}
      {budget && <Caps budget={budget} part={part} run={running ? "This run" : "The last run"} />}
      <Facts rows={facts(budget, part)} />
    </Section>
  );
}

function Caps({ budget, part, run }: { budget: BudgetView; part: SourceRun | undefined; run: string }) {
  const { per_run, requests_per_run, requests_per_day, requests_today } = budget;
  return (
    <ul class="caps">
      {per_run !== undefined && part?.cost !== undefined && (
        <Cap name={`${run}, cost`} used={part.cost} most={per_run} words={money} />
      )}
      {requests_per_run !== undefined && part && (
        <Cap name={`${run}, requests`} used={part.totals.requests} most={requests_per_run} words={count} />
      )}
      {requests_per_day !== undefined && requests_today !== undefined && (
        <Cap name="Today (UTC), requests" used={requests_today} most={requests_per_day} words={count} />
      )}
    </ul>
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

function facts(budget: BudgetView | undefined, part: SourceRun | undefined): Fact[] {
  const each = budget?.cost_per_request;
  const requests = part?.totals.requests;
  const used = requests === undefined ? undefined : plural(requests, "request");
  return [
    ["One request", each === undefined ? undefined : `costs ${money(each)}`],
    ["Used", part?.cost === undefined ? used : `${used}, ${money(part.cost)}`],
    ["Expected", expected(part?.estimate ?? budget?.expected_requests, each)],
  ];
}

/** How much work is ahead, and what it costs. */
function expected(requests: number | undefined, each: number | undefined): string {
  if (requests === undefined) return "not known before a first run is complete";
  const cost = each === undefined ? "" : `, ${money(requests * each)}`;
  return `about ${plural(requests, "request")}${cost}`;
}
