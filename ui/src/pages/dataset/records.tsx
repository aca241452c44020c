import type { DatasetSchema } from "../../api/types.ts";
import { Section } from "../../components/page.tsx";
import { Records } from "../../components/records.tsx";
import { Table } from "../../components/table.tsx";
import { plural } from "../../format/number.ts";

/** Rows to look through. */
export function RecordsTab({ schema }: { schema: DatasetSchema }) {
  return (
    <>
      <Columns schema={schema} />
      <Section title="Records">
        <Records schema={schema} />
      </Section>
    </>
  );
}

export function Columns({ schema }: { schema: DatasetSchema }) {
  return (
    <details class="panel schema">
      <summary>{plural(schema.columns.length, "column")}</summary>
      <Table
        caption={`Columns of ${schema.name}`}
        rows={schema.columns}
        id={(column) => column.name}
        cols={[
          { title: "Column", main: true, cell: (column) => <span class="mono">{column.name}</span> },
          { title: "Type", cell: (column) => column.type },
          { title: "Key", cell: (column) => (column.primary_key ? "primary key" : "") },
        ]}
      />
    </details>
  );
}
