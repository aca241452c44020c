import { signInNeeded, token } from "./token.ts";
import type { Accepted, CollectRequest, Page, Problem, RunSummary, SourceView } from "./types.ts";

export const BASE = "/api/v1";

/** A call that was answered with an error, or not at all (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, message: string, hint?: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.hint = hint;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** `path` with the parameters that have a value. */
export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return token.value === null ? more : { ...more, Authorization: `Bearer ${token.value}` };
}

/** What a failed answer says, whatever stands between us and the server. */
async function problemOf(response: Response): Promise<ApiError> {
  let problem: Partial<Problem> = {};
  if (/json/.test(response.headers.get("content-type") ?? "")) {
    problem = await response.json().catch(() => ({}));
  }
  const words = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  return new ApiError(response.status, words, problem.hint);
}

/** Sends a request below the API; answers that are not successes become `ApiError`. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const sent = token.value;
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      // Asks again, and gets 304 if nothing has changed.
      cache: "no-cache",
      ...init,
      headers: headers(init.headers as Record<string, string> | undefined),
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer.", "Is `busta serve` running?");
  }
  if (response.ok) return response;
  // An answer to an old token says nothing about the one that was given since.
  if (response.status === 401 && sent === token.value) signInNeeded.value = true;
  throw await problemOf(response);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

/** So many entries of a list at once: the most that the API gives. */
const PART = 1000;

/** Every entry of a list that comes in parts. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const part = await get<Page<T>>(withQuery(path, { limit: PART, cursor }), signal);
    all.push(...part.items);
    cursor = part.next;
  } while (cursor !== undefined);
  return all;
}

async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const response = await send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

const name = encodeURIComponent;

export const operate = {
  collect: (request: CollectRequest) => post<Accepted>("/admin/collect", request),
  collectSource: (source: string) => post<Accepted>(`/sources/${name(source)}/collect`),
  pause: (source: string) => post<SourceView>(`/sources/${name(source)}/pause`),
  resume: (source: string) => post<SourceView>(`/sources/${name(source)}/resume`),
  cancel: (run: string) => post<RunSummary>(`/runs/${name(run)}/cancel`),
  retry: (run: string) => post<Accepted>(`/runs/${name(run)}/retry`),
};
