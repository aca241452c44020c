import type { Dataset } from "../api/types.ts";
import { Loaded } from "../components/notice.tsx";
import { PageFrame, Section } from "../components/page.tsx";
import { type Col, Table } from "../components/table.tsx";
import { bytes, count } from "../format/number.ts";
import { useList } from "../state/query.ts";

export function DatasetsPage() {
  const datasets = useList<Dataset>("/datasets", { every: 10_000, withRuns: true });
  return (
    <PageFrame title="Data">
      <Loaded query={datasets}>
        {(data) => (
          <Section title={`${data.length} ${data.length === 1 ? "table" : "tables"}`}>
            <Table
              caption="Tables of all destinations"
              cols={COLS}
              rows={data}
              id={(dataset) => dataset.name}
              empty="Nothing was stored yet: a source is to be collected first."
            />
          </Section>
        )}
      </Loaded>
    </PageFrame>
  );
}

const COLS: Col<Dataset>[] = [
  {
    title: "Table",
    main: true,
    cell: (dataset) => <a href={`/data/${encodeURIComponent(dataset.name)}`}>{dataset.name}</a>,
  },
  { title: "Rows", number: true, cell: (dataset) => count(dataset.rows) },
  {
    title: "Size",
    number: true,
    cell: (dataset) => (dataset.bytes === undefined ? "–" : bytes(dataset.bytes)),
  },
  { title: "Of", cell: (dataset) => dataset.sources.join(", ") || <span class="faint">–</span> },
  { title: "Where", cell: (dataset) => dataset.destination },
];
