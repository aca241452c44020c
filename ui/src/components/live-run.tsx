import type { RunDetail, RunSummary } from "../api/types.ts";
import { bytes, compact, rate } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { useQuery } from "../state/query.ts";
import { StateBadge } from "./badge.tsx";
import { Progress } from "./bar.tsx";
import { RunLink, SourceNames } from "./runs.tsx";

/** How far a run is, by its splits; a run that is still finding splits may fall back. */
export function share(run: RunDetail): number | undefined {
  const known = run.by_source.reduce((sum, source) => sum + source.splits_known, 0);
  return known === 0 ? undefined : run.totals.splits / known;
}

/** A run under way, at a glance. */
export function LiveRunCard({ run }: { run: RunSummary }) {
  const detail = useQuery<RunDetail>(`/runs/${encodeURIComponent(run.id)}`, {
    every: run.state === "running" ? 1000 : 5000,
  }).data;
  const live = detail?.live;
  const totals = detail?.totals ?? run.totals;
  return (
    <li class="live-run">
      <div class="run-cell">
        <RunLink id={run.id} />
        <StateBadge state={detail?.state ?? run.state} />
        <SourceNames names={run.sources} />
      </div>
      <Progress label={`Splits done of run ${run.id}`} share={detail && share(detail)} />
      <p class="inline-facts">
        <span>{compact(totals.records)} records</span>
        <span>{bytes(totals.bytes)}</span>
        {live && <span>{rate(live.records_per_s)} records/s</span>}
        {totals.failures > 0 && <span class="bad-ink">{compact(totals.failures)} failures</span>}
        <span>{duration(live?.elapsed_s ?? run.duration_s)}</span>
        {live?.eta_s !== undefined && <span>about {duration(live.eta_s)} to go</span>}
      </p>
    </li>
  );
}
