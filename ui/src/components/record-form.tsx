import { useId, useState } from "preact/hooks";
import { edits } from "../api/history.ts";
import type { Column, DatasetRecord, DatasetSchema } from "../api/types.ts";
import { kindOf, parsed, typed } from "../format/field.ts";
import { isOfData, keyOf } from "../format/record.ts";
import { edit } from "../state/edits.ts";
import { Act } from "./button.tsx";
import { Select } from "./choice.tsx";
import { Dialog } from "./dialog.tsx";

/** Longer texts get a field of several lines. */
const LINE = 80;
/** The column that says whose a row is. */
const SOURCE = "_busta_source";

interface Props {
  schema: DatasetSchema;
  /** The row to change; absent for a new one. */
  record?: DatasetRecord | undefined;
  close(): void;
}

/** Asks for the values of a row: of a new one, or what is to change of one that is there. */
export function RecordForm({ schema, record, close }: Props) {
  const columns = schema.columns.filter((column) => isOfData(column.name));
  const [first] = useState(() => new Map(columns.map(({ name }) => [name, typed(record?.[name])])));
  const [texts, setTexts] = useState(first);
  const [problems, setProblems] = useState(new Map<string, string>());
  // Rows of several sources may have one key.
  const several = schema.sources.length > 1;
  const [chosen, setSource] = useState(String(record?.[SOURCE] ?? schema.sources[0] ?? ""));
  const source = several ? chosen : undefined;
  const save = async () => {
    const { values, wrong } = read(columns, texts, first);
    setProblems(wrong);
    if (wrong.size > 0) return;
    const { name } = schema;
    if (Object.keys(values).length > 0) {
      await (record
        ? edit(name, "changed", edits.update(name, keyOf(record, schema.columns), values, source))
        : edit(name, "added", edits.insert(name, values, source)));
    }
    close();
  };
  return (
    <Dialog
      title={record ? "Edit this row" : "Add a row"}
      close={close}
      wide
      foot={
        <>
          <button type="button" onClick={close}>
            Cancel
          </button>
          <Act look="primary" icon="check" act={save}>
            {record ? "Save" : "Add"}
          </Act>
        </>
      }
    >
      <p class="faint">
        An empty field has no value. The history keeps who changed what; every edit can be undone.
      </p>
      {several && !record && (
        <Select
          label="As if found by"
          value={chosen}
          choose={setSource}
          options={schema.sources.map((name) => ({ value: name, text: name }))}
        />
      )}
      <div class="form-grid">
        {columns.map((column) => (
          <Field
            key={column.name}
            column={column}
            fixed={record !== undefined && column.primary_key}
            text={texts.get(column.name) ?? ""}
            problem={problems.get(column.name)}
            set={(text) => setTexts(new Map(texts).set(column.name, text))}
          />
        ))}
      </div>
    </Dialog>
  );
}

/** The values of the fields that differ from what they were, and what is wrong with the others. */
function read(columns: Column[], texts: Map<string, string>, first: Map<string, string>) {
  const values: DatasetRecord = {};
  const wrong = new Map<string, string>();
  for (const { name, type } of columns) {
    const text = texts.get(name) ?? "";
    if (text === first.get(name)) continue;
    const found = parsed(text, kindOf(type));
    if ("problem" in found) wrong.set(name, found.problem);
    else values[name] = found.value;
  }
  return { values, wrong };
}

interface FieldProps {
  column: Column;
  /** Whether it cannot be changed: it tells this row from others. */
  fixed: boolean;
  text: string;
  problem: string | undefined;
  set(text: string): void;
}

function Field({ column, fixed, text, problem, set }: FieldProps) {
  const id = useId();
  const kind = kindOf(column.type);
  const common = {
    id,
    value: text,
    disabled: fixed,
    "aria-invalid": problem !== undefined,
    "aria-describedby": problem ? `${id}p` : undefined,
  };
  const long = kind === "json" || text.length > LINE || text.includes("\n");
  return (
    <div class={`field ${long ? "long" : ""}`}>
      <label for={id}>
        {column.name}
        {column.primary_key && " · key"}
      </label>
      {kind === "boolean" ? (
        <select {...common} onChange={(event) => set(event.currentTarget.value)}>
          <option value="">no value</option>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : long ? (
        <textarea {...common} rows={4} onInput={(event) => set(event.currentTarget.value)} />
      ) : (
        <input
          {...common}
          inputMode={kind === "number" ? "decimal" : "text"}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
      {problem && (
        <span class="bad-ink" id={`${id}p`} role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
