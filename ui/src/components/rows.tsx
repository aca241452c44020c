import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Column, DatasetRecord, DatasetSchema } from "../api/types.ts";
import { cell, whole } from "../format/json.ts";
import { nameOf } from "../format/record.ts";
import { setQuery } from "../state/router.ts";
import { Code } from "./code.tsx";
import { Dialog } from "./dialog.tsx";
import { Glance, useGlance } from "./glance.tsx";
import { Icon } from "./icon.tsx";

/** Longer values are cut in the table; a press shows them whole. */
const CELL = 120;

/** What can be done with rows, beside looking at them. */
export interface RowTools {
  isChosen(row: DatasetRecord): boolean;
  choose(rows: DatasetRecord[], on: boolean): void;
  edit(row: DatasetRecord): void;
  /** What else there is to say about a row. */
  more(row: DatasetRecord): ComponentChildren;
}

interface Props {
  schema: DatasetSchema;
  rows: DatasetRecord[];
  order: string;
  tools?: RowTools | undefined;
}

export function Rows({ schema, rows, order, tools }: Props) {
  const [open, setOpen] = useState<{ title: string; value: unknown; row?: DatasetRecord } | undefined>();
  const glance = useGlance<DatasetRecord>();
  const { name, columns } = schema;
  if (rows.length === 0) return <p class="empty">No record is like that.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="records" tabIndex={0} aria-label={`Records of ${name}`}>
      <table>
        <caption class="unseen">Records of {name}</caption>
        <thead>
          <tr>
            {tools && (
              <th scope="col" class="pick">
                <PickAll rows={rows} tools={tools} />
              </th>
            )}
            <th scope="col">
              <span class="unseen">{tools ? "Look at and edit" : "Whole record"}</span>
            </th>
            {columns.map((column) => (
              <Heading key={column.name} column={column} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at} class={tools?.isChosen(row) ? "chosen" : ""}>
              {tools && (
                <td class="pick">
                  <input
                    type="checkbox"
                    aria-label={`Select ${nameOf(row)}`}
                    checked={tools.isChosen(row)}
                    onChange={(event) => tools.choose([row], event.currentTarget.checked)}
                  />
                </td>
              )}
              <td>
                <span class="row-acts">
                  <button
                    type="button"
                    class="quiet square"
                    aria-label={`Show record ${at + 1} whole`}
                    {...(tools ? glance.over(row) : {})}
                    onClick={() => {
                      glance.hide();
                      setOpen({ title: "Record", value: row, row });
                    }}
                  >
                    <Icon name="search" />
                  </button>
                  {tools && (
                    <button
                      type="button"
                      class="quiet square"
                      aria-label={`Edit ${nameOf(row)}`}
                      title="Edit"
                      onClick={() => tools.edit(row)}
                    >
                      <Icon name="pencil" />
                    </button>
                  )}
                </span>
              </td>
              {columns.map((column) => (
                <Value
                  key={column.name}
                  value={row[column.name]}
                  open={() => setOpen({ title: column.name, value: row[column.name] })}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {glance.shown && <Glance {...glance.shown} columns={columns} />}
      {open && (
        <Dialog title={open.title} close={() => setOpen(undefined)} wide>
          <Code label={open.title} text={whole(open.value)} />
          {open.row && tools?.more(open.row)}
        </Dialog>
      )}
    </section>
  );
}

/** Chooses what is on this page; some but not all of it shows as neither. */
function PickAll({ rows, tools }: { rows: DatasetRecord[]; tools: RowTools }) {
  const chosen = rows.filter((row) => tools.isChosen(row)).length;
  const all = chosen === rows.length;
  return (
    <input
      ref={(box) => {
        if (box) box.indeterminate = chosen > 0 && !all;
      }}
      type="checkbox"
      aria-label="Select all on this page"
      checked={all}
      onChange={(event) => tools.choose(rows, event.currentTarget.checked)}
    />
  );
}

/** A heading that sorts: first up, then down, then as stored. */
function Heading({ column, order }: { column: Column; order: string }) {
  const up = order === column.name;
  const down = order === `-${column.name}`;
  const then = up ? `-${column.name}` : down ? "" : column.name;
  return (
    <th scope="col" aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <button type="button" class="sort" onClick={() => setQuery({ order: then })}>
        {column.name}
        {(up || down) && <Icon name={up ? "up" : "down"} />}
      </button>
    </th>
  );
}

function Value({ value, open }: { value: unknown; open(): void }) {
  const text = cell(value);
  const number = typeof value === "number";
  if (value === null || value === undefined) return <td class="faint">null</td>;
  if (text.length <= CELL && typeof value !== "object") return <td class={number ? "number" : ""}>{text}</td>;
  return (
    <td>
      <button type="button" class={`link clip ${typeof value === "object" ? "mono" : ""}`} onClick={open}>
        {text.slice(0, CELL)}
        {text.length > CELL && "…"}
      </button>
    </td>
  );
}
