import { useState } from "preact/hooks";
import { withQuery } from "../../api/client.ts";
import type { DatasetRecord, DatasetSchema, DatasetView } from "../../api/types.ts";
import { datasetPath, type Trending, type TrendingRecord, type TrendingTerm } from "../../api/views.ts";
import { Segments } from "../../components/choice.tsx";
import { Code } from "../../components/code.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Magnitude } from "../../components/magnitude.tsx";
import { Loaded } from "../../components/notice.tsx";
import { Section } from "../../components/page.tsx";
import { type Col, Table } from "../../components/table.tsx";
import { When } from "../../components/time.tsx";
import { momentOf } from "../../format/moment.ts";
import { growth } from "../../format/mood.ts";
import { compact, count, rate } from "../../format/number.ts";
import { nameOf } from "../../format/record.ts";
import { WINDOW_OPTIONS, windowOf } from "../../format/windows.ts";
import { useQuery } from "../../state/query.ts";
import { place, setQuery } from "../../state/router.ts";
import { Groups } from "./recent.tsx";

interface Props {
  schema: DatasetSchema;
  view: DatasetView;
}

/** What grows fast: rows by their score per hour, words by their own past. */
export function TrendingTab({ schema, view }: Props) {
  const { query } = place.value;
  const window = windowOf(query.get("window"));
  const group = query.get("group") ?? "";
  const [open, setOpen] = useState<DatasetRecord | undefined>();
  const trending = useQuery<Trending>(
    withQuery(datasetPath(schema.name, "trending"), { window, group, limit: 20 }),
    { every: 15_000, withRuns: true },
  );
  return (
    <>
      <search class="filters">
        <Segments
          label="Window"
          value={window}
          choose={(value) => setQuery({ window: value === "24h" ? undefined : value })}
          options={WINDOW_OPTIONS}
        />
        {view.group_by && (
          <Groups
            dataset={schema.name}
            column={view.group_by}
            value={group}
            choose={(value) => setQuery({ group: value })}
          />
        )}
      </search>
      <Loaded query={trending}>
        {(data) => (
          <div class="pair">
            {view.score && (
              <Section title="Records" beside={<span class="faint">by {view.score} per hour</span>}>
                <Table
                  caption={`Records by ${view.score} per hour`}
                  cols={records(view, data.records, setOpen)}
                  rows={data.records}
                  id={(each) => JSON.stringify(each.record)}
                  empty="Nothing has grown in this time."
                />
              </Section>
            )}
            {view.text.length > 0 && (
              <Section title="Terms" beside={<span class="faint">against their own past</span>}>
                <Table
                  caption="Terms by their growth"
                  cols={terms(data.terms)}
                  rows={data.terms}
                  id={(each) => each.term}
                  empty="No term is used more than it was."
                />
              </Section>
            )}
          </div>
        )}
      </Loaded>
      {open && (
        <Dialog title={nameOf(open, view.text)} close={() => setOpen(undefined)} wide>
          <Code label="The whole record" text={JSON.stringify(open)} />
        </Dialog>
      )}
    </>
  );
}

function records(
  view: DatasetView,
  rows: TrendingRecord[],
  open: (record: DatasetRecord) => void,
): Col<TrendingRecord>[] {
  const most = Math.max(...rows.map((each) => each.velocity), 0);
  const { score, group_by: group } = view;
  const cols: Col<TrendingRecord>[] = [
    {
      title: "Record",
      main: true,
      cell: ({ record }) => (
        <>
          <button type="button" class="link" onClick={() => open(record)}>
            {nameOf(record, view.text)}
          </button>
          <span class="inline-facts">
            {group && <b>{String(record[group] ?? "–")}</b>}
            <When at={momentOf(record[view.time])} />
          </span>
        </>
      ),
    },
    {
      title: score ?? "Score",
      number: true,
      cell: ({ record }) => {
        const value = score ? record[score] : undefined;
        return typeof value === "number" ? compact(value) : "–";
      },
    },
    {
      title: "Per hour",
      cell: ({ velocity }) => <Magnitude share={velocity / (most || 1)} text={rate(velocity)} />,
    },
  ];
  return cols;
}

function terms(rows: TrendingTerm[]): Col<TrendingTerm>[] {
  const most = Math.max(...rows.map((each) => each.count), 0);
  return [
    {
      title: "Term",
      main: true,
      cell: ({ term }) => (
        <a
          href={withQuery(place.value.path, {
            tab: "recent",
            q: term,
            group: place.value.query.get("group"),
          })}
        >
          {term}
        </a>
      ),
    },
    {
      title: "Now",
      cell: (each) => <Magnitude share={each.count / (most || 1)} text={count(each.count)} />,
    },
    {
      title: "Before",
      number: true,
      cell: ({ before }) => (before < 9.95 && before > 0 ? before.toFixed(1) : count(before)),
    },
    {
      title: "Growth",
      number: true,
      cell: (each) => <b>{growth(each.growth, each.before)}</b>,
    },
  ];
}
