import { useState } from "preact/hooks";
import { get, withQuery } from "../../api/client.ts";
import type { ChangedRow, Diff, Snapshot } from "../../api/history.ts";
import type { DatasetRecord, DatasetSchema, Page } from "../../api/types.ts";
import { datasetPath } from "../../api/views.ts";
import { Act } from "../../components/button.tsx";
import { Differences } from "../../components/changes.tsx";
import { BEGINNING, Moment } from "../../components/moment.tsx";
import { Loaded } from "../../components/notice.tsx";
import { Figures, Section } from "../../components/page.tsx";
import { type Col, Table } from "../../components/table.tsx";
import { cell } from "../../format/json.ts";
import { count, plural } from "../../format/number.ts";
import { differences, isOfData, keyWords } from "../../format/record.ts";
import { dateTime } from "../../format/time.ts";
import { useQuery } from "../../state/query.ts";
import { place, setQuery } from "../../state/router.ts";

/** So many runs to choose from; what is older is found by its moment. */
const RUNS = 100;
/** More than anybody reads. */
const MOST = 2000;
/** Columns of rows that came or went; the rest is in the grid. */
const SHOWN = 6;

/** What differs between two runs, or moments. */
export function DiffTab({ schema }: { schema: DatasetSchema }) {
  const snapshots = useQuery<Page<Snapshot>>(
    withQuery(datasetPath(schema.name, "snapshots"), { limit: RUNS }),
    { withRuns: true },
  );
  const runs = eachOnce(snapshots.data?.items ?? []);
  const { query } = place.value;
  // What the last run did, unless somebody asks for something else.
  const from = query.get("from") ?? runs[1]?.run ?? BEGINNING;
  const to = query.get("to") ?? "";
  return (
    <Loaded query={snapshots}>
      {() => (
        <>
          <search class="filters roomy">
            <Moment label="From" runs={runs} value={from} choose={(value) => setQuery({ from: value })} />
            <Moment label="To" runs={runs} value={to} now choose={(value) => setQuery({ to: value })} />
          </search>
          <Compared schema={schema} from={from} to={to} />
        </>
      )}
    </Loaded>
  );
}

/** A run of several sources has several ends; the last is the run's. */
function eachOnce(ends: Snapshot[]): Snapshot[] {
  const seen = new Set<string>();
  return ends.filter(({ run }) => !seen.has(run) && seen.add(run));
}

function Compared({ schema, from, to }: { schema: DatasetSchema; from: string; to: string }) {
  const path = (cursor?: string) =>
    withQuery(datasetPath(schema.name, "diff"), { from, to, limit: 200, cursor });
  const first = useQuery<Diff>(path(), { withRuns: true });
  const [more, setMore] = useState<{ of: string; diff: Diff } | undefined>();
  return (
    <Loaded query={first}>
      {(data) => {
        const diff = more?.of === path() ? joined(data, more.diff) : data;
        const load = async () => {
          const part = await get<Diff>(path(diff.next));
          setMore({ of: path(), diff: more?.of === path() ? joined(more.diff, part) : part });
        };
        const rows = diff.added.length + diff.removed.length + diff.changed.length;
        const none = (words: string) => (diff.next === undefined ? words : "None so far.");
        return (
          <>
            <Summary diff={diff} />
            <RowList title="Added" schema={schema} rows={diff.added} empty={none("No row is new.")} />
            <RowList title="Removed" schema={schema} rows={diff.removed} empty={none("No row is gone.")} />
            <Section title="Changed">
              <Table
                caption="Rows that changed"
                cols={CHANGED}
                rows={diff.changed}
                id={(row) => keyWords(row.key)}
                empty={none("No row is different.")}
              />
            </Section>
            {diff.next !== undefined && rows < MOST && (
              <div class="more">
                <Act act={load}>Show more</Act>
              </div>
            )}
            {rows >= MOST && (
              <p class="empty">There are more; compare places that are closer to each other.</p>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function joined(first: Diff, more: Diff): Diff {
  const { next: _, ...rest } = first;
  return {
    ...rest,
    added: [...first.added, ...more.added],
    removed: [...first.removed, ...more.removed],
    changed: [...first.changed, ...more.changed],
    ...(more.next === undefined ? {} : { next: more.next }),
  };
}

function Summary({ diff }: { diff: Diff }) {
  const grown = diff.to.count - diff.from.count;
  const soFar = diff.next === undefined ? "" : " so far";
  return (
    <Figures
      label="What differs"
      figures={[
        {
          name: "Rows then",
          value: count(diff.from.count),
          below: diff.from.at ? dateTime(diff.from.at) : " ",
        },
        {
          name: "Rows after",
          value: count(diff.to.count),
          below: grown === 0 ? "as many" : `${grown > 0 ? "+" : "−"}${count(Math.abs(grown))}`,
        },
        { name: "Added", value: count(diff.added.length), below: `rows${soFar}` },
        { name: "Removed", value: count(diff.removed.length), below: `rows${soFar}` },
        { name: "Changed", value: count(diff.changed.length), below: `rows${soFar}` },
      ]}
    />
  );
}

interface RowListProps {
  title: string;
  schema: DatasetSchema;
  rows: DatasetRecord[];
  empty: string;
}

function RowList({ title, schema, rows, empty }: RowListProps) {
  const columns = schema.columns.filter(({ name }) => isOfData(name)).slice(0, SHOWN);
  const cols = columns.map(
    ({ name }, at): Col<DatasetRecord> => ({
      title: name,
      main: at === 0,
      number: typeof rows[0]?.[name] === "number",
      cell: (row) => <span class="clip">{cell(row[name]) || "–"}</span>,
    }),
  );
  return (
    <Section title={title} beside={<span class="faint">{plural(rows.length, "row")}</span>}>
      <Table
        caption={`${title} rows`}
        cols={cols}
        rows={rows}
        id={(row) => JSON.stringify(row)}
        empty={empty}
      />
    </Section>
  );
}

const CHANGED: Col<ChangedRow>[] = [
  { title: "Row", main: true, cell: (row) => <span class="mono">{keyWords(row.key)}</span> },
  { title: "Differences", cell: (row) => <Differences list={differences(row.before, row.after)} /> },
];
