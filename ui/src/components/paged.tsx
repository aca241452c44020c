import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, withQuery } from "../api/client.ts";
import type { Page } from "../api/types.ts";
import { useQuery } from "../state/query.ts";
import { Act } from "./button.tsx";
import { Loaded } from "./notice.tsx";

/** More rows than anybody reads; a filter finds what is further down. */
const MOST = 2000;

interface Props<T> {
  path: string;
  query: Record<string, string | undefined>;
  /** How many rows at a time. */
  size: number;
  every?: number;
  withRuns?: boolean;
  id(item: T): string;
  /** Gets also whether there are more: a part may be empty, if few fit a filter, and still not be the last. */
  children: (items: T[], more: boolean) => ComponentChildren;
}

/** A list whose beginning is kept up to date, and whose further parts come on request. */
export function PagedList<T>(props: Props<T>) {
  const path = withQuery(props.path, { ...props.query, limit: props.size });
  const first = useQuery<Page<T>>(path, { every: props.every, withRuns: props.withRuns ?? false });
  const [more, setMore] = useState<{ items: T[]; next: string | undefined } | undefined>();
  useEffect(() => setMore(undefined), [path]);
  return (
    <Loaded query={first}>
      {(page) => {
        const items = joined(page.items, more?.items ?? [], props.id);
        const next = more ? more.next : page.next;
        const load = async () => {
          // The beginning may have grown since: what was its end is kept.
          const part = await get<Page<T>>(
            withQuery(props.path, { ...props.query, limit: props.size, cursor: next }),
          );
          setMore({ items: [...(more?.items ?? page.items), ...part.items].slice(0, MOST), next: part.next });
        };
        return (
          <>
            {props.children(items, next !== undefined)}
            {next !== undefined && items.length < MOST && (
              <div class="more">
                <Act act={load}>Show more</Act>
              </div>
            )}
            {items.length >= MOST && <p class="empty">There are more; filter them to see the rest.</p>}
          </>
        );
      }}
    </Loaded>
  );
}

/** The fresh beginning and what was loaded behind it, each item once. */
function joined<T>(first: T[], rest: T[], id: (item: T) => string): T[] {
  const there = new Set(first.map(id));
  return [...first, ...rest.filter((item) => !there.has(id(item)))];
}
