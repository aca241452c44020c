import { effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, withQuery } from "../api/client.ts";
import { signInNeeded, token } from "../api/token.ts";
import type { ActivityEvent, Page } from "../api/types.ts";
import { hidden } from "../state/visibility.ts";
import { merge } from "./merge.ts";
import { ActivityStream, type StreamFilter, type StreamState } from "./stream.ts";

/** How many events a list holds. */
const HELD = 500;

/** How many come at a time from the history. */
const PAGE = 100;

/** What is followed where a page shows no feed: enough to know when lists of runs have changed. */
const QUIET: StreamFilter = { action: "started,complete" };

/** How the connection stands. */
export const connection = signal<StreamState>({ kind: "connecting" });

/** Counts up when lists of runs may have changed: one has begun or ended, or the server was away. */
export const runsChanged = signal(0);

interface Watcher {
  filter: StreamFilter;
  from: number | undefined;
  events(events: ActivityEvent[]): void;
  gap(): void;
}

/** The feed on the page, of which there is one at most: the one connection follows it. */
const watcher = signal<Watcher | undefined>(undefined);

/** Keeps the one connection of this page. Called once, at the start. */
export function followActivity(): void {
  let away = false;
  effect(() => {
    // A change of any of these makes a new connection.
    const watch = watcher.value;
    const asked = token.value;
    if (signInNeeded.value || hidden.value) return;
    let newest = watch?.from;
    const stream = new ActivityStream(watch?.filter ?? QUIET, newest, {
      events(events) {
        newest = Math.max(newest ?? 0, ...events.map((e) => e.id));
        // For when it has to be made anew, because the page was hidden.
        if (watch) watch.from = newest;
        if (events.some(changesRuns)) runsChanged.value = runsChanged.peek() + 1;
        watch?.events(events);
      },
      gap: () => watch?.gap(),
      state(state) {
        if (token.peek() !== asked) return;
        if (state.kind === "waiting") away = true;
        else if (state.kind === "live" && away) {
          away = false;
          runsChanged.value = runsChanged.peek() + 1;
        }
        connection.value = state;
      },
    });
    return () => stream.close();
  });
}

function changesRuns(event: ActivityEvent): boolean {
  return event.split === undefined && (event.action === "started" || event.action === "complete");
}

export interface Feed {
  events: ActivityEvent[];
  /** The last event before a hole in the list. */
  gapAfter: number | undefined;
  loading: boolean;
  /** Where the history goes on; absent at its end. */
  older: string | undefined;
  loadOlder(): void;
}

/** The events that pass the filter, newest first: the history, and what happens from now on. */
export function useFeed(filter: StreamFilter): Feed {
  const [events, setEvents] = useState<ActivityEvent[]>([]);
  const [gapAfter, setGap] = useState<number | undefined>();
  const [loading, setLoading] = useState(true);
  const [older, setOlder] = useState<string | undefined>();
  const key = JSON.stringify(filter);
  const most = useRef(HELD);

  useEffect(() => {
    const abort = new AbortController();
    const history = () =>
      get<Page<ActivityEvent>>(withQuery("/activity", { ...filter, limit: PAGE }), abort.signal);
    const mine: Watcher = {
      filter,
      from: undefined,
      events: (more) => setEvents((have) => merge(have, more, most.current)),
      gap: () => void history().then(refill, console.error),
    };
    // What the stream could not tell is in the history, as far as one page of it goes.
    const refill = (page: Page<ActivityEvent>) =>
      setEvents((have) => {
        const oldest = page.items.at(-1)?.id;
        const newest = have[0]?.id;
        if (page.next && oldest !== undefined && newest !== undefined && oldest > newest) setGap(newest);
        return merge(have, page.items, most.current);
      });
    const begin = (page?: Page<ActivityEvent>) => {
      if (abort.signal.aborted) return;
      setLoading(false);
      if (page) {
        mine.from = page.items[0]?.id;
        mine.events(page.items);
        setOlder(page.next);
      }
      watcher.value = mine;
    };
    most.current = HELD;
    setEvents([]);
    setGap(undefined);
    setLoading(true);
    history().then(begin, () => begin());
    return () => {
      abort.abort();
      if (watcher.peek() === mine) watcher.value = undefined;
    };
  }, [key]);

  const loadOlder = () => {
    if (older === undefined) return;
    get<Page<ActivityEvent>>(withQuery("/activity", { ...filter, limit: PAGE, cursor: older })).then(
      (page) => {
        most.current += page.items.length;
        setEvents((have) => merge(have, page.items, most.current));
        setOlder(page.next);
      },
      console.error,
    );
  };
  return { events, gapAfter, loading, older, loadOlder };
}
