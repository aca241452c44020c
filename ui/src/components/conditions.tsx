import { useEffect, useId, useState } from "preact/hooks";
import type { Column } from "../api/types.ts";
import { type Condition, conditionsOf, filterOf, OPERATORS, type Operator } from "../format/conditions.ts";
import { Icon } from "./icon.tsx";

interface Props {
  columns: Column[];
  filter: string;
  apply(filter: string): void;
}

/** Conditions on records, all of which must hold. */
export function Conditions(props: Props) {
  const [rows, setRows] = useState<Condition[]>(() => conditionsOf(props.filter));
  useEffect(() => setRows(conditionsOf(props.filter)), [props.filter]);
  const change = (at: number, part: Partial<Condition>) =>
    setRows(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  const remove = (at: number) => {
    const left = rows.filter((_, i) => i !== at);
    setRows(left);
    props.apply(filterOf(left));
  };
  const add = () => setRows([...rows, { column: props.columns[0]?.name ?? "", operator: "=", value: "" }]);
  return (
    <form
      class="conditions"
      onSubmit={(event) => {
        event.preventDefault();
        props.apply(filterOf(rows));
      }}
    >
      {rows.map((row, at) => (
        <Row
          key={at}
          columns={props.columns}
          row={row}
          change={(part) => change(at, part)}
          remove={() => remove(at)}
        />
      ))}
      <div class="actions">
        <button type="button" class="quiet" onClick={add}>
          <Icon name="plus" />
          Condition
        </button>
        {filterOf(rows) !== props.filter && (
          <button type="submit" class="primary">
            Apply
          </button>
        )}
      </div>
    </form>
  );
}

interface RowProps {
  columns: Column[];
  row: Condition;
  change(part: Partial<Condition>): void;
  remove(): void;
}

function Row({ columns, row, change, remove }: RowProps) {
  const id = useId();
  const known = columns.some((column) => column.name === row.column);
  return (
    <div class="condition">
      <label class="unseen" for={`${id}c`}>
        Column
      </label>
      <select
        id={`${id}c`}
        value={row.column}
        onChange={(event) => change({ column: event.currentTarget.value })}
      >
        {!known && <option value={row.column}>{row.column}</option>}
        {columns.map((column) => (
          <option key={column.name} value={column.name}>
            {column.name}
          </option>
        ))}
      </select>
      <label class="unseen" for={`${id}o`}>
        Comparison
      </label>
      <select
        id={`${id}o`}
        value={row.operator}
        onChange={(event) => change({ operator: event.currentTarget.value as Operator })}
      >
        {OPERATORS.map((operator) => (
          <option key={operator.value} value={operator.value}>
            {operator.text}
          </option>
        ))}
      </select>
      <label class="unseen" for={`${id}v`}>
        Value
      </label>
      <input
        id={`${id}v`}
        value={row.value}
        placeholder="value, or null"
        onInput={(event) => change({ value: event.currentTarget.value })}
      />
      <button type="button" class="quiet square" aria-label="Remove this condition" onClick={remove}>
        <Icon name="cross" />
      </button>
    </div>
  );
}
