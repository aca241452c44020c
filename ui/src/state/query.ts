import { useEffect, useReducer, useRef } from "preact/hooks";
import { ApiError, send } from "../api/client.ts";
import { signInNeeded, token } from "../api/token.ts";
import { runsChanged } from "../live/activity.ts";
import { hidden } from "./visibility.ts";

interface Answer {
  text: string;
  data: unknown;
}

/** The last answers, so that a page that is opened again has something to show at once. */
const answers = new Map<string, Answer>();
const KEPT = 24;
const SLOWEST_MS = 10_000;

function keep(path: string, answer: Answer): void {
  answers.delete(path);
  answers.set(path, answer);
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
}

export interface Query<T> {
  data: T | undefined;
  error: ApiError | undefined;
  refresh(): void;
}

export interface QueryOptions {
  /** Ask again so often, in milliseconds, while somebody looks. */
  every?: number | undefined;
  /** Ask again when a run has begun or ended. */
  withRuns?: boolean;
}

/** What the API answers to `path`, kept up to date; nothing is asked while `path` is null. */
export function useQuery<T>(path: string | null, options: QueryOptions = {}): Query<T> {
  const [, redraw] = useReducer<number, void>((n) => n + 1, 0);
  const error = useRef<ApiError | undefined>(undefined);
  const again = useRef<() => void>(() => {});
  const every = options.every;
  const changed = options.withRuns ? runsChanged.value : 0;
  const asked = useRef(changed);
  // A token that was given after a refusal asks again.
  const who = token.value;
  const idle = hidden.value || signInNeeded.value;

  useEffect(() => {
    error.current = undefined;
    if (path === null || idle) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failed = 0;
    const ask = async () => {
      clearTimeout(timer);
      try {
        const text = await (await send(path, { signal: abort.signal })).text();
        failed = 0;
        if (answers.get(path)?.text !== text || error.current) {
          keep(path, { text, data: JSON.parse(text) });
          error.current = undefined;
          redraw();
        }
      } catch (problem) {
        if (abort.signal.aborted) return;
        failed += 1;
        error.current = problem instanceof ApiError ? problem : new ApiError(0, String(problem));
        redraw();
      }
      // Without a rhythm of its own it is still asked again until it was answered.
      const wait = every ?? (failed && error.current?.status === 0 ? 1000 : undefined);
      clearTimeout(timer);
      if (wait !== undefined && !abort.signal.aborted) {
        timer = setTimeout(ask, Math.min(SLOWEST_MS, wait * 2 ** Math.min(failed, 4)));
      }
    };
    again.current = () => void ask();
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, every, who, idle]);

  useEffect(() => {
    if (asked.current === changed) return;
    asked.current = changed;
    // Many ends of splits come together; and the list knows a moment later than the feed.
    const timer = setTimeout(() => again.current(), 250);
    return () => clearTimeout(timer);
  }, [changed]);

  const data = path === null ? undefined : (answers.get(path)?.data as T | undefined);
  return { data, error: error.current, refresh: () => again.current() };
}
