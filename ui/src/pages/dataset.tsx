import type { DatasetSchema } from "../api/types.ts";
import { Export } from "../components/export.tsx";
import { Loaded } from "../components/notice.tsx";
import { PageFrame, Section } from "../components/page.tsx";
import { Records } from "../components/records.tsx";
import { Table } from "../components/table.tsx";
import { bytes, plural } from "../format/number.ts";
import { useQuery } from "../state/query.ts";

export function DatasetPage({ name }: { name: string }) {
  const schema = useQuery<DatasetSchema>(`/datasets/${encodeURIComponent(name)}`, { withRuns: true });
  return (
    <PageFrame title={name} above={{ to: "/data", text: "Data" }} actions={<Export dataset={name} />}>
      <Loaded query={schema}>
        {(data) => (
          <>
            <p class="inline-facts">
              <span>{plural(data.rows, "row")}</span>
              {data.bytes !== undefined && <span>{bytes(data.bytes)}</span>}
              <span>{data.destination}</span>
              {data.sources.length > 0 && (
                <span>
                  of{" "}
                  {data.sources.map((source, at) => (
                    <span key={source}>
                      {at > 0 && ", "}
                      <a href={`/sources/${encodeURIComponent(source)}`}>{source}</a>
                    </span>
                  ))}
                </span>
              )}
            </p>
            <details class="panel schema">
              <summary>{plural(data.columns.length, "column")}</summary>
              <Table
                caption={`Columns of ${name}`}
                rows={data.columns}
                id={(column) => column.name}
                cols={[
                  { title: "Column", main: true, cell: (column) => <span class="mono">{column.name}</span> },
                  { title: "Type", cell: (column) => column.type },
                  { title: "Key", cell: (column) => (column.primary_key ? "primary key" : "") },
                ]}
              />
            </details>
            <Section title="Records">
              <Records schema={data} />
            </Section>
          </>
        )}
      </Loaded>
    </PageFrame>
  );
}
