import { useEffect, useState } from "preact/hooks";
import { edits, type Key, keyText } from "../../api/history.ts";
import type { DatasetRecord, DatasetSchema } from "../../api/types.ts";
import { Act } from "../../components/button.tsx";
import { ChangeList } from "../../components/changes.tsx";
import { Select } from "../../components/choice.tsx";
import { Icon } from "../../components/icon.tsx";
import { Section } from "../../components/page.tsx";
import { RecordForm } from "../../components/record-form.tsx";
import { Records } from "../../components/records.tsx";
import { SearchField } from "../../components/search.tsx";
import { filterOf } from "../../format/conditions.ts";
import { kindOf } from "../../format/field.ts";
import { plural } from "../../format/number.ts";
import { isOfData, keyOf } from "../../format/record.ts";
import { edit } from "../../state/edits.ts";
import { place, setQuery } from "../../state/router.ts";
import { Columns } from "./records.tsx";

/** Rows to look through, choose, add, edit and remove. */
export function GridTab({ schema }: { schema: DatasetSchema }) {
  const { query } = place.value;
  const words = query.get("q") ?? "";
  const column = query.get("in") ?? firstText(schema);
  const [chosen, setChosen] = useState(new Map<string, Key>());
  const [form, setForm] = useState<{ record?: DatasetRecord } | undefined>();
  const idOf = (row: DatasetRecord) => keyText(keyOf(row, schema.columns));
  // What is not among what is shown should not be removed with it.
  const asked = `${words} ${column} ${query.get("filter")}`;
  useEffect(() => setChosen(new Map()), [asked]);
  const choose = (rows: DatasetRecord[], on: boolean) => {
    const next = new Map(chosen);
    for (const row of rows) {
      if (on) next.set(idOf(row), keyOf(row, schema.columns));
      else next.delete(idOf(row));
    }
    setChosen(next);
  };
  const remove = async () => {
    await edit(schema.name, "removed", edits.remove(schema.name, [...chosen.values()]));
    setChosen(new Map());
  };
  return (
    <>
      <Columns schema={schema} />
      <Section
        title="Rows"
        beside={
          <button type="button" onClick={() => setForm({})}>
            <Icon name="plus" />
            Add a row
          </button>
        }
      >
        <Records
          schema={schema}
          also={words ? filterOf([{ column, operator: "~", value: words }]) : ""}
          search={
            <>
              <SearchField label="Search" value={words} find={(text) => setQuery({ q: text })} />
              <Select
                label="In"
                short
                value={column}
                choose={(value) => setQuery({ in: value })}
                options={schema.columns
                  .filter(({ name }) => isOfData(name))
                  .map(({ name }) => ({ value: name, text: name }))}
              />
            </>
          }
          tools={{
            isChosen: (row) => chosen.has(idOf(row)),
            choose,
            edit: (record) => setForm({ record }),
            more: (row) => (
              <ChangeList
                dataset={schema.name}
                query={{ key: idOf(row) }}
                title="What became of it"
                empty="It is as it was found first."
              />
            ),
          }}
        />
        <div class={`selection ${chosen.size > 0 ? "open" : ""}`} role="status">
          {chosen.size > 0 && (
            <>
              <span>{plural(chosen.size, "row")} selected</span>
              <button type="button" class="quiet" onClick={() => setChosen(new Map())}>
                Clear
              </button>
              <Act look="danger" icon="bin" act={remove}>
                Remove
              </Act>
            </>
          )}
        </div>
      </Section>
      {form && <RecordForm schema={schema} record={form.record} close={() => setForm(undefined)} />}
    </>
  );
}

/** Where words are likely to be: in a column of text that is no key. */
function firstText(schema: DatasetSchema): string {
  const texts = schema.columns.filter(({ name, type }) => isOfData(name) && kindOf(type) === "text");
  return (texts.find((column) => !column.primary_key) ?? texts[0] ?? schema.columns[0])?.name ?? "";
}
