import type { RunState, RunSummary, SourceView } from "../api/types.ts";
import { Select } from "../components/choice.tsx";
import { PageFrame } from "../components/page.tsx";
import { PagedList } from "../components/paged.tsx";
import { RunTable } from "../components/runs.tsx";
import { useList } from "../state/query.ts";
import { place, setQuery } from "../state/router.ts";

const STATES: RunState[] = [
  "queued",
  "running",
  "completed",
  "partial",
  "failed",
  "cancelled",
  "interrupted",
  "abandoned",
];

export function RunsPage() {
  const { query } = place.value;
  const state = query.get("state") ?? "";
  const source = query.get("source") ?? "";
  const sources = useList<SourceView>("/sources").data ?? [];
  return (
    <PageFrame title="Runs">
      <search class="filters">
        <Select
          label="State"
          value={state}
          choose={(value) => setQuery({ state: value })}
          options={[{ value: "", text: "all" }, ...STATES.map((s) => ({ value: s as string, text: s }))]}
        />
        <Select
          label="Source"
          value={source}
          choose={(value) => setQuery({ source: value })}
          options={[{ value: "", text: "all" }, ...named(source, sources)]}
        />
      </search>
      <PagedList<RunSummary>
        path="/runs"
        query={{ state, source }}
        every={3000}
        withRuns
        size={50}
        id={(run) => run.id}
      >
        {(runs) => (
          <div class="panel">
            <RunTable runs={runs} caption="Runs, newest first" empty="No run is like that." />
          </div>
        )}
      </PagedList>
    </PageFrame>
  );
}

/** The names to choose from, the chosen one among them even if it is no longer configured. */
export function named(chosen: string, sources: SourceView[]) {
  const names = sources.map((source) => source.name);
  if (chosen && !names.includes(chosen)) names.push(chosen);
  return names.map((name) => ({ value: name, text: name }));
}
