import type { SourceView } from "../api/types.ts";
import { HealthBadge } from "../components/badge.tsx";
import { Collect } from "../components/collect.tsx";
import { Loaded } from "../components/notice.tsx";
import { PageFrame, Section } from "../components/page.tsx";
import { NextRun, SourceActions } from "../components/schedule.tsx";
import { type Col, Table } from "../components/table.tsx";
import { When } from "../components/time.tsx";
import { Words } from "../components/words.tsx";
import { compact, count, millis } from "../format/number.ts";
import { scheduleWords } from "../format/schedule.ts";
import { useList } from "../state/query.ts";

export function SourcesPage() {
  const sources = useList<SourceView>("/sources", { every: 2000, withRuns: true });
  return (
    <PageFrame title="Sources" actions={<Collect sources={sources.data ?? []} />}>
      <Loaded query={sources}>
        {(data) => (
          <Section title={`${data.length} configured`}>
            <Table
              caption="Sources with health, schedule and response times"
              cols={columns(sources.refresh)}
              rows={data}
              id={(source) => source.name}
              empty="No source is configured."
            />
          </Section>
        )}
      </Loaded>
    </PageFrame>
  );
}

function columns(refresh: () => void): Col<SourceView>[] {
  return [
    { title: "Source", main: true, cell: (source) => <Name source={source} /> },
    { title: "Type", cell: (source) => source.type },
    { title: "Schedule", cell: (source) => <ScheduleCell source={source} /> },
    { title: "Next run", cell: (source) => <NextRun source={source} /> },
    {
      title: "Last run",
      cell: (source) => (
        <When at={source.last_run?.finished_at ?? source.last_run?.started_at} none="never" />
      ),
    },
    { title: "Requests", number: true, extra: true, cell: (source) => compact(source.requests) },
    {
      title: "Answers in, p50 / p99",
      number: true,
      cell: (source) =>
        source.latency_p50_ms === undefined ? (
          <span class="faint">–</span>
        ) : (
          `${millis(source.latency_p50_ms)} / ${millis(source.latency_p99_ms ?? source.latency_p50_ms)}`
        ),
    },
    { title: "At once", number: true, cell: atOnce },
    {
      title: "Do",
      act: true,
      cell: (source) => <SourceActions source={source} refresh={refresh} small />,
    },
  ];
}

function ScheduleCell({ source }: { source: SourceView }) {
  if (!source.schedule) return <span class="faint">none</span>;
  return <span title={source.schedule.words}>{scheduleWords(source.schedule.words)}</span>;
}

function Name({ source }: { source: SourceView }) {
  return (
    <>
      <span class="run-cell">
        <a href={`/sources/${encodeURIComponent(source.name)}`}>{source.name}</a>
        <HealthBadge health={source.health} />
        {!source.enabled && <span class="faint">only if named</span>}
      </span>
      {source.error && (
        <span class="cell-error">
          <Words text={source.error} />
        </span>
      )}
    </>
  );
}

function atOnce(source: SourceView) {
  const limit = source.effective_concurrency;
  return (
    <span title={limit === undefined ? "As many as are wanted" : `Its hosts bear ${limit} at once`}>
      {count(source.in_flight)}
      {limit !== undefined && ` of ${count(limit)}`}
    </span>
  );
}
