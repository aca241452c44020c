import { useEffect, useRef, useState } from "preact/hooks";
import { withQuery } from "../api/client.ts";
import type { Column, DatasetRecord, DatasetSchema, Page } from "../api/types.ts";
import { cell, whole } from "../format/json.ts";
import { useQuery } from "../state/query.ts";
import { place, setQuery } from "../state/router.ts";
import { Select } from "./choice.tsx";
import { Code } from "./code.tsx";
import { Conditions } from "./conditions.tsx";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icon.tsx";
import { Problem } from "./notice.tsx";

/** Longer values are cut in the table; a press shows them whole. */
const CELL = 120;

/** The rows of a table, to look through. */
export function Records({ schema }: { schema: DatasetSchema }) {
  const { query } = place.value;
  const filter = query.get("filter") ?? "";
  const order = query.get("order") ?? "";
  const size = query.get("limit") ?? "50";
  // Where each page that was passed began, to go back to it.
  const [starts, setStarts] = useState<(string | undefined)[]>([undefined]);
  useEffect(() => setStarts([undefined]), [filter, order, size]);
  const path = `/datasets/${encodeURIComponent(schema.name)}/records`;
  const page = useQuery<Page<DatasetRecord>>(
    withQuery(path, { filter, order, limit: size, cursor: starts.at(-1) }),
  );
  const next = page.data?.next;
  // What is there stays until the next page is.
  const last = useRef(page.data);
  if (page.data) last.current = page.data;
  const shown = page.data ?? last.current;
  return (
    <>
      <div class="filters">
        <Conditions columns={schema.columns} filter={filter} apply={(value) => setQuery({ filter: value })} />
        <Select
          label="Rows"
          short
          value={size}
          choose={(value) => setQuery({ limit: value === "50" ? undefined : value })}
          options={["25", "50", "100", "200"].map((value) => ({ value, text: value }))}
        />
      </div>
      {page.error && <Problem error={page.error} retry={page.refresh} />}
      {!shown && !page.error && <p class="loading">Loading …</p>}
      {shown && !page.error && (
        <div class={page.data ? "" : "stale"} aria-busy={!page.data}>
          <Rows columns={schema.columns} rows={shown.items} order={order} name={schema.name} />
        </div>
      )}
      <nav class="pager" aria-label="Pages of records">
        <button type="button" disabled={starts.length === 1} onClick={() => setStarts(starts.slice(0, -1))}>
          <Icon name="left" />
          Back
        </button>
        <span class="faint">page {starts.length}</span>
        <button type="button" disabled={next === undefined} onClick={() => setStarts([...starts, next])}>
          Next
          <Icon name="right" />
        </button>
      </nav>
    </>
  );
}

interface RowsProps {
  columns: Column[];
  rows: DatasetRecord[];
  order: string;
  name: string;
}

function Rows({ columns, rows, order, name }: RowsProps) {
  const [open, setOpen] = useState<{ title: string; value: unknown } | undefined>();
  if (rows.length === 0) return <p class="empty">No record is like that.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="records" tabIndex={0} aria-label={`Records of ${name}`}>
      <table>
        <caption class="unseen">Records of {name}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">Whole record</span>
            </th>
            {columns.map((column) => (
              <Heading key={column.name} column={column} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              <td>
                <button
                  type="button"
                  class="quiet square"
                  aria-label={`Show record ${at + 1} whole`}
                  onClick={() => setOpen({ title: "Record", value: row })}
                >
                  <Icon name="search" />
                </button>
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
      {open && (
        <Dialog title={open.title} close={() => setOpen(undefined)} wide>
          <Code label={open.title} text={whole(open.value)} />
        </Dialog>
      )}
    </section>
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
