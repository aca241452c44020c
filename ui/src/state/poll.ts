import { ApiError } from "../api/client.ts";

const SLOWEST_MS = 10_000;
/** How soon what could not be asked is asked again, where there is no other rhythm. */
const AGAIN_MS = 1000;

export interface PollListener {
  answer(text: string): void;
  problem(error: ApiError): void;
}

/** Asks for one thing and gives the answer's text. */
export type Ask = (path: string, signal: AbortSignal) => Promise<string>;

/** Asks the API for one thing, again and again if it is told to, until it is closed. */
export class Poll {
  private readonly abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failed = 0;
  private readonly path: string;
  private readonly read: Ask;
  private readonly every: number | undefined;
  private readonly listener: PollListener;

  constructor(path: string, read: Ask, every: number | undefined, listener: PollListener) {
    this.path = path;
    this.read = read;
    this.every = every;
    this.listener = listener;
    void this.ask();
  }

  close(): void {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  async ask(): Promise<void> {
    const { signal } = this.abort;
    let away = false;
    try {
      const text = await this.read(this.path, signal);
      this.failed = 0;
      this.listener.answer(text);
    } catch (error) {
      if (signal.aborted) return;
      const problem = error instanceof ApiError ? error : new ApiError(0, String(error));
      away = problem.status === 0 || problem.status === 503;
      this.failed += 1;
      this.listener.problem(problem);
    }
    if (!signal.aborted) this.plan(away);
  }

  /** Slower after each failure: a server that cannot answer is not helped by more questions. */
  private plan(away: boolean): void {
    clearTimeout(this.timer);
    const wait = this.every ?? (away ? AGAIN_MS : undefined);
    if (wait === undefined) return;
    const slowed = Math.max(wait, Math.min(SLOWEST_MS, wait * 2 ** Math.min(this.failed, 4)));
    this.timer = setTimeout(() => void this.ask(), slowed);
  }
}
