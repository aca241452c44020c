import { useEffect, useReducer, useRef } from "preact/hooks";
import { type ApiError, getAll, send } from "../api/client.ts";
import { signInNeeded, token } from "../api/token.ts";
import { runsChanged } from "../live/activity.ts";
import { edited } from "./edits.ts";
import { type Ask, Poll } from "./poll.ts";
import { hidden } from "./visibility.ts";

interface Answer {
  text: string;
  data: unknown;
}

/** The last answers, so that a page that is opened again has something to show at once. */
const answers = new Map<string, Answer>();
const KEPT = 24;

/** Keeps an answer; one that says what the last one said is the same object. */
function keep(path: string, text: string): unknown {
  const known = answers.get(path);
  answers.delete(path);
  const answer = known?.text === text ? known : { text, data: JSON.parse(text) };
  answers.set(path, answer);
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
  return answer.data;
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

/** Many ends of splits come together; and the lists know a moment later than the feed. */
const SETTLES_MS = 250;

/** What the API answers to `path`, kept up to date; nothing is asked while `path` is null. */
export function useQuery<T>(path: string | null, options: QueryOptions = {}): Query<T> {
  return useAnswer<T>(path, one, options);
}

/** The whole list at `path`, whose parts are asked for one after the other, kept up to date. */
export function useList<T>(path: string, options: QueryOptions = {}): Query<T[]> {
  return useAnswer<T[]>(path, whole, options);
}

const one: Ask = async (path, signal) => (await send(path, { signal })).text();
const whole: Ask = async (path, signal) => JSON.stringify(await getAll(path, signal));

function useAnswer<T>(path: string | null, read: Ask, options: QueryOptions): Query<T> {
  const [, redraw] = useReducer<number, void>((n) => n + 1, 0);
  const error = useRef<ApiError | undefined>(undefined);
  const poll = useRef<Poll | undefined>(undefined);
  const shown = useRef<unknown>(undefined);
  const { every } = options;
  // A token that was given after a refusal asks again, and so does the return of whoever looked away.
  const who = token.value;
  const idle = hidden.value || signInNeeded.value;

  useEffect(() => {
    error.current = undefined;
    if (path === null || idle) return;
    const mine = new Poll(path, read, every, {
      answer(text) {
        const before = error.current;
        error.current = undefined;
        // Another part of the page may have asked for the same, and had the answer first.
        if (keep(path, text) !== shown.current || before) redraw();
      },
      problem(problem) {
        error.current = problem;
        redraw();
      },
    });
    poll.current = mine;
    return () => mine.close();
  }, [path, read, every, who, idle]);

  const ask = () => void poll.current?.ask();
  const news = (options.withRuns ? runsChanged.value : 0) + edited.value;
  const known = useRef(news);
  useEffect(() => {
    if (known.current === news) return;
    known.current = news;
    const timer = setTimeout(ask, SETTLES_MS);
    return () => clearTimeout(timer);
  }, [news]);

  const data = path === null ? undefined : (answers.get(path)?.data as T | undefined);
  shown.current = data;
  return { data, error: error.current, refresh: ask };
}
