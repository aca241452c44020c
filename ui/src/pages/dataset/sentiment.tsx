import { useMemo } from "preact/hooks";
import type { DatasetView } from "../../api/types.ts";
import { type Mood, type SentimentStats, statsPath } from "../../api/views.ts";
import { CompoundBar, LABELS, MoodBar, moodLook } from "../../components/mood.tsx";
import { Loaded } from "../../components/notice.tsx";
import { type Figure, Figures, Section } from "../../components/page.tsx";
import { StackedChart } from "../../components/stacked-chart.tsx";
import { type Col, Table } from "../../components/table.tsx";
import { compound } from "../../format/mood.ts";
import { compact, count, percent } from "../../format/number.ts";
import { SENTIMENT_WINDOWS, WINDOWS, windowOf } from "../../format/windows.ts";
import { useQuery } from "../../state/query.ts";
import { place, setQuery } from "../../state/router.ts";
import { WindowFilters } from "./window-filters.tsx";

interface Props {
  dataset: string;
  view: DatasetView;
}

/** What the rows sound like: over time, and by group. */
export function SentimentTab({ dataset, view }: Props) {
  const { query } = place.value;
  const window = windowOf(query.get("window"), SENTIMENT_WINDOWS);
  const group = query.get("group") ?? "";
  const { bucket, step } = WINDOWS[window];
  const stats = useQuery<SentimentStats>(statsPath(dataset, window, bucket, group), {
    every: 15_000,
    withRuns: true,
  });
  return (
    <>
      <WindowFilters
        dataset={dataset}
        view={view}
        window={window}
        windows={SENTIMENT_WINDOWS}
        group={group}
      />
      <Loaded query={stats}>
        {(data) => (
          <>
            <Total mood={data.total} />
            <Section title={`Per ${step}`}>
              <OverTime stats={data} />
            </Section>
            {view.group_by && (
              <Section title={`By ${view.group_by}`}>
                <Table
                  caption={`Sentiment by ${view.group_by}`}
                  cols={columns(view.group_by)}
                  rows={data.groups.toSorted((a, b) => b.records - a.records)}
                  id={(each) => each.group}
                  empty="Nothing was said in this time."
                />
              </Section>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Total({ mood }: { mood: Mood }) {
  const share = (value: number) => percent(mood.records === 0 ? 0 : value / mood.records);
  const figures: Figure[] = [
    { name: "Records", value: compact(mood.records), below: "in this time" },
    { name: "Positive", value: share(mood.positive), below: count(mood.positive) },
    { name: "Neutral", value: share(mood.neutral), below: count(mood.neutral) },
    { name: "Negative", value: share(mood.negative), below: count(mood.negative) },
    {
      name: "Mean compound",
      value: typeof mood.compound_mean === "number" ? compound(mood.compound_mean) : "–",
      below: "from −1 to +1",
    },
  ];
  return <Figures label="Sentiment in this time" figures={figures} />;
}

const COLOURS = { positive: "--mood-positive", neutral: "--mood-neutral", negative: "--mood-negative" };

function OverTime({ stats }: { stats: SentimentStats }) {
  const { series } = stats;
  const at = useMemo(() => series.map((each) => each.at), [series]);
  const layers = useMemo(
    () =>
      LABELS.map((name) => ({
        name,
        colour: COLOURS[name],
        look: moodLook(name),
        values: series.map((each) => each[name]),
      })),
    [series],
  );
  const means = useMemo(() => series.map((each) => each.compound_mean ?? null), [series]);
  return (
    <StackedChart
      title="Records by sentiment, and their mean compound score"
      at={at}
      layers={layers}
      over={{
        name: "mean compound",
        colour: "--accent",
        look: "mood-mean",
        values: means,
        range: [-1, 1],
        format: compound,
      }}
    />
  );
}

function columns(group: string): Col<SentimentStats["groups"][number]>[] {
  return [
    {
      title: group,
      main: true,
      cell: (each) => (
        <button type="button" class="link" onClick={() => setQuery({ group: each.group })}>
          {each.group}
        </button>
      ),
    },
    { title: "Records", number: true, cell: (each) => count(each.records) },
    {
      title: "Positive, neutral, negative",
      cell: (each) => <MoodBar mood={each} label={`Sentiment of ${each.group}`} />,
    },
    { title: "Positive", number: true, extra: true, cell: (each) => share(each, each.positive) },
    { title: "Negative", number: true, extra: true, cell: (each) => share(each, each.negative) },
    { title: "Mean compound", cell: (each) => <CompoundBar value={each.compound_mean} /> },
  ];
}

function share(mood: Mood, value: number): string {
  return percent(mood.records === 0 ? 0 : value / mood.records);
}
