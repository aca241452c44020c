import { useEffect, useMemo, useState } from "preact/hooks";
import { operate } from "../api/client.ts";
import type { Overview, SourceView } from "../api/types.ts";
import { NOTABLE } from "../components/action.ts";
import { HealthBadge } from "../components/badge.tsx";
import { Act } from "../components/button.tsx";
import { Chart } from "../components/chart.tsx";
import { Segments } from "../components/choice.tsx";
import { accepted, Collect } from "../components/collect.tsx";
import { FeedList } from "../components/feed.tsx";
import { Icon } from "../components/icon.tsx";
import { LiveRunCard } from "../components/live-run.tsx";
import { Loaded } from "../components/notice.tsx";
import { Figures, PageFrame, Section } from "../components/page.tsx";
import { RunTable } from "../components/runs.tsx";
import { NextRun } from "../components/schedule.tsx";
import { type Col, Table } from "../components/table.tsx";
import { When } from "../components/time.tsx";
import { bytes, compact, plural, rate } from "../format/number.ts";
import { useFeed } from "../live/activity.ts";
import { learnServerTime } from "../state/clock.ts";
import { useList, useQuery } from "../state/query.ts";

const SHOWN_LIVE = 4;
const SHOWN_RECENT = 6;

export function OverviewPage() {
  const overview = useQuery<Overview>("/overview", { every: 1000, withRuns: true });
  const sources = useList<SourceView>("/sources", { every: 3000, withRuns: true });
  const time = overview.data?.now;
  useEffect(() => {
    if (time) learnServerTime(time);
  }, [time]);
  return (
    <PageFrame title="Overview" actions={<Collect sources={sources.data ?? []} />}>
      <Loaded query={overview}>
        {(data) => (
          <>
            <Status overview={data} sources={sources.data} />
            <Totals overview={data} />
            {data.live_runs.length > 0 && (
              <Section title={data.live_runs.length === 1 ? "A run is under way" : "Runs under way"}>
                <ul class="live-runs">
                  {data.live_runs.slice(0, SHOWN_LIVE).map((run) => (
                    <LiveRunCard key={run.id} run={run} />
                  ))}
                </ul>
                {data.live_runs.length > SHOWN_LIVE && (
                  <a href="/runs">and {data.live_runs.length - SHOWN_LIVE} more</a>
                )}
              </Section>
            )}
            <div class="overview-top">
              <Throughput overview={data} />
              <Activity />
            </div>
            <Section title="Sources" beside={<a href="/sources">All about them</a>}>
              <Table
                caption="Sources with health and next run"
                cols={SOURCES}
                rows={sources.data ?? []}
                id={(source) => source.name}
                empty={sources.data ? "No source is configured." : "Loading …"}
              />
            </Section>
            <Section title="Recent runs" beside={<a href="/runs">All runs</a>}>
              <RunTable
                runs={data.recent_runs.slice(0, SHOWN_RECENT)}
                caption="The last runs that ended"
                empty="No run has ended yet."
              />
            </Section>
          </>
        )}
      </Loaded>
    </PageFrame>
  );
}

function Status({ overview, sources }: { overview: Overview; sources: SourceView[] | undefined }) {
  const failing = sources?.filter((s) => s.health === "failing" || s.health === "degraded") ?? [];
  const tone = overview.sources_failing > 0 ? "bad" : overview.sources_ok > 0 ? "good" : "calm";
  return (
    <div class={`status ${tone}`}>
      <Icon name={tone === "bad" ? "error" : tone === "good" ? "check" : "dot"} />
      <div>
        <p class="status-words">{statusWords(overview)}</p>
        <p class="faint">
          {failing.length > 0 && (
            <>
              {failing.slice(0, 3).map((source, at) => (
                <span key={source.name}>
                  {at > 0 && ", "}
                  <a href={`/sources/${encodeURIComponent(source.name)}`}>{source.name}</a>
                </span>
              ))}
              {failing.length > 3 && ` and ${failing.length - 3} more`}
              {" · "}
            </>
          )}
          {overview.sources_paused > 0 && `${plural(overview.sources_paused, "schedule")} paused · `}
          {overview.next_due_at ? (
            <>
              next collection <When at={overview.next_due_at} />
            </>
          ) : (
            "no collection is scheduled"
          )}
        </p>
      </div>
    </div>
  );
}

function statusWords(overview: Overview): string {
  const { sources, sources_failing: failing, sources_ok: ok } = overview;
  if (sources === 0) return "No source is configured";
  if (failing > 0)
    return `${failing} of ${plural(sources, "source")} ${failing === 1 ? "needs" : "need"} attention`;
  if (ok === sources) return sources === 1 ? "The source does well" : `All ${sources} sources do well`;
  if (ok === 0) return "Nothing has been collected yet";
  return `${ok} of ${plural(sources, "source")} do well, the others were not collected yet`;
}

function Totals({ overview }: { overview: Overview }) {
  const last = overview.throughput.at(-1);
  const { totals } = overview;
  return (
    <Figures
      label="Since the server started"
      figures={[
        {
          name: "Records",
          value: compact(totals.records),
          below: `${rate(last?.records_per_s ?? 0)} /s now`,
        },
        { name: "Received", value: bytes(totals.bytes), below: `${bytes(last?.bytes_per_s ?? 0)}/s now` },
        {
          name: "Requests",
          value: compact(totals.requests),
          below: `${rate(last?.requests_per_s ?? 0)} /s now`,
        },
        { name: "Retries", value: compact(totals.retries), below: "further attempts" },
        {
          name: "Failures",
          value: totals.failures > 0 ? <a href="/failures">{compact(totals.failures)}</a> : "0",
          below: "with their reasons",
          tone: totals.failures > 0 ? "bad" : "",
        },
        {
          name: "Server",
          value: <When at={overview.started_at} />,
          below: `started, busta ${overview.version}`,
        },
      ]}
    />
  );
}

type Measure = "records" | "bytes" | "requests";

function Throughput({ overview }: { overview: Overview }) {
  const [measure, setMeasure] = useState<Measure>("records");
  const samples = overview.throughput;
  const at = useMemo(() => samples.map((s) => s.at), [samples]);
  const values = useMemo(() => samples.map((s) => s[`${measure}_per_s`]), [samples, measure]);
  const title = { records: "Records a second", bytes: "Received a second", requests: "Requests a second" }[
    measure
  ];
  return (
    <Section
      title="Throughput"
      beside={
        <Segments<Measure>
          label="What to show"
          value={measure}
          choose={setMeasure}
          options={[
            { value: "records", text: "Records" },
            { value: "bytes", text: "Bytes" },
            { value: "requests", text: "Requests" },
          ]}
        />
      }
    >
      <Chart
        key={measure}
        title={title}
        at={at}
        values={values}
        format={measure === "bytes" ? bytes : rate}
        binary={measure === "bytes"}
        height={210}
        colour="--accent"
      />
    </Section>
  );
}

const SOURCES: Col<SourceView>[] = [
  {
    title: "Source",
    main: true,
    cell: (source) => (
      <span class="run-cell">
        <a href={`/sources/${encodeURIComponent(source.name)}`}>{source.name}</a>
        <HealthBadge health={source.health} />
      </span>
    ),
  },
  { title: "Type", extra: true, cell: (source) => source.type },
  {
    title: "Last run",
    cell: (source) => <When at={source.last_run?.finished_at ?? source.last_run?.started_at} none="never" />,
  },
  { title: "Records", number: true, cell: (source) => compact(source.last_records ?? 0) },
  {
    title: "Next run",
    cell: (source) => <NextRun source={source} />,
  },
  {
    title: "Do",
    act: true,
    cell: (source) => (
      <Act
        look="quiet"
        square
        icon="play"
        label={`Collect ${source.name} now`}
        disabled={source.running !== undefined}
        act={async () => accepted(await operate.collectSource(source.name))}
      />
    ),
  },
];

function Activity() {
  const feed = useFeed({ action: NOTABLE });
  return (
    <Section title="Activity" class="short">
      <FeedList feed={feed} label="What happened, newest first" empty="Nothing has happened yet." withRun />
    </Section>
  );
}
