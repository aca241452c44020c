import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { withQuery } from "../api/client.ts";
import type { DatasetRecord, DatasetSchema, Page } from "../api/types.ts";
import { datasetPath } from "../api/views.ts";
import { useQuery } from "../state/query.ts";
import { place, setQuery } from "../state/router.ts";
import { Select } from "./choice.tsx";
import { Conditions } from "./conditions.tsx";
import { Icon } from "./icon.tsx";
import { Problem } from "./notice.tsx";
import { Rows, type RowTools } from "./rows.tsx";

interface Props {
  schema: DatasetSchema;
  /** A condition beside those that are chosen here. */
  also?: string;
  /** What narrows it down before conditions do. */
  search?: ComponentChildren;
  tools?: RowTools;
}

/** The rows of a table, to look through. */
export function Records({ schema, also, search, tools }: Props) {
  const { query } = place.value;
  const chosen = query.get("filter") ?? "";
  const filter = [also, chosen].filter(Boolean).join(",");
  const order = query.get("order") ?? "";
  const size = query.get("limit") ?? "50";
  // Where each page that was passed began, to go back to it.
  const [starts, setStarts] = useState<(string | undefined)[]>([undefined]);
  useEffect(() => setStarts([undefined]), [filter, order, size]);
  const page = useQuery<Page<DatasetRecord>>(
    withQuery(datasetPath(schema.name, "records"), { filter, order, limit: size, cursor: starts.at(-1) }),
  );
  const next = page.data?.next;
  // What is there stays until the next page is.
  const last = useRef(page.data);
  if (page.data) last.current = page.data;
  const shown = page.data ?? last.current;
  return (
    <>
      <div class="filters">
        {search}
        <Conditions columns={schema.columns} filter={chosen} apply={(value) => setQuery({ filter: value })} />
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
          <Rows schema={schema} rows={shown.items} order={order} tools={tools} />
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
