import type { Change } from "../api/history.ts";
import { datasetPath } from "../api/views.ts";
import { cell } from "../format/json.ts";
import { count } from "../format/number.ts";
import { type Difference, differences, keyWords } from "../format/record.ts";
import { Badge } from "./badge.tsx";
import type { Look } from "./look.ts";
import { PagedList } from "./paged.tsx";
import { RunLink } from "./runs.tsx";
import { type Col, Table } from "./table.tsx";
import { When } from "./time.tsx";

const LOOKS: Record<string, Look> = {
  insert: { icon: "plus", tone: "good", words: "added" },
  update: { icon: "pencil", tone: "info", words: "changed" },
  remove: { icon: "bin", tone: "bad", words: "removed" },
  undo: { icon: "undo", tone: "calm", words: "undone" },
};

/** How something that was done to a row looks. */
export function changeLook(action: string): Look {
  return LOOKS[action] ?? { icon: "dot", tone: "calm", words: action.replaceAll("_", " ") };
}

const MOST_LETTERS = 90;

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span class="faint">none</span>;
  const text = cell(value);
  return <span title={text}>{text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text}</span>;
}

/** Columns with what they were and what they are. */
export function Differences({ list }: { list: Difference[] }) {
  if (list.length === 0) return <span class="faint">nothing that is shown</span>;
  return (
    <ul class="differences">
      {list.map(({ column, before, after }) => (
        <li key={column}>
          <span class="mono">{column}</span>{" "}
          <del>
            <Value value={before} />
          </del>
          <span class="unseen"> became </span>
          <span aria-hidden="true"> → </span>
          <ins>
            <Value value={after} />
          </ins>
        </li>
      ))}
    </ul>
  );
}

const COLS: Col<Change>[] = [
  { title: "What", main: true, cell: (change) => <Badge {...changeLook(change.action)} /> },
  { title: "Row", cell: (change) => <span class="mono">{keyWords(change.key)}</span> },
  { title: "Differences", cell: (change) => <Told change={change} /> },
  { title: "When", cell: (change) => <When at={change.at} /> },
  {
    title: "By",
    cell: (change) => (change.run ? <RunLink id={change.run} /> : (change.who ?? change.kind)),
  },
  { title: "Rows then", number: true, extra: true, cell: (change) => count(change.count) },
];

function Told({ change }: { change: Change }) {
  if (change.before && change.after) return <Differences list={differences(change.before, change.after)} />;
  return <span class="faint">{change.after ? "the whole row" : "gone"}</span>;
}

interface Props {
  dataset: string;
  /** Which changes: of a run, of a key. */
  query: { run?: string; key?: string };
  title: string;
  empty: string;
}

/** What became of rows, one by one, newest first. */
export function ChangeList({ dataset, query, title, empty }: Props) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <PagedList<Change>
        path={datasetPath(dataset, "changes")}
        query={query}
        size={20}
        id={(change) => String(change.seq)}
      >
        {(changes) => (
          <Table
            caption={title}
            cols={COLS}
            rows={changes}
            id={(change) => String(change.seq)}
            empty={empty}
          />
        )}
      </PagedList>
    </section>
  );
}
