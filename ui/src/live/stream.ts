import { send, withQuery } from "../api/client.ts";
import type { ActivityEvent } from "../api/types.ts";
import { backoff } from "./backoff.ts";
import { SseParser } from "./sse.ts";

export interface StreamFilter {
  run?: string | undefined;
  source?: string | undefined;
  worker?: string | undefined;
  action?: string | undefined;
}

export type StreamState = { kind: "connecting" } | { kind: "live" } | { kind: "waiting"; until: number };

export interface StreamListener {
  events(events: ActivityEvent[]): void;
  /** Events were lost between what was shown and what comes now. */
  gap(): void;
  state(state: StreamState): void;
}

/** The server sends a sign of life at least every 15 s; after three it is taken for gone. */
const SILENCE_MS = 45_000;
/** Events are handed on in bunches: a page that draws each of thousands a second does nothing else. */
const BUNCH_MS = 200;
/** A bunch holds no more than any list shows; older events of a flood are in the history. */
const BUNCH_MOST = 500;

/** A connection to the activity stream that is made again until it is closed, from where it ended. */
export class ActivityStream {
  private readonly abort = new AbortController();
  private bunch: ActivityEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly filter: StreamFilter;
  private lastId: string | undefined;
  private readonly listener: StreamListener;

  constructor(filter: StreamFilter, lastId: number | undefined, listener: StreamListener) {
    this.filter = filter;
    this.lastId = lastId?.toString();
    this.listener = listener;
    void this.run();
  }

  close(): void {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }

  private async run(): Promise<void> {
    for (let attempt = 1; !this.closed; attempt += 1) {
      this.listener.state({ kind: "connecting" });
      try {
        await this.connect(() => {
          attempt = 0;
          this.listener.state({ kind: "live" });
        });
      } catch {
        // Whatever it was, the answer is the same: try again.
      }
      if (this.closed) return;
      const wait = backoff(Math.max(1, attempt));
      this.listener.state({ kind: "waiting", until: Date.now() + wait });
      await sleep(wait, this.abort.signal);
    }
  }

  /** Reads one connection to its end. */
  private async connect(opened: () => void): Promise<void> {
    const silence = new AbortController();
    const signal = AbortSignal.any([this.abort.signal, silence.signal]);
    let watch = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const more: Record<string, string> = { Accept: "text/event-stream" };
      if (this.lastId !== undefined) more["Last-Event-ID"] = this.lastId;
      const response = await send(withQuery("/activity/stream", { ...this.filter }), {
        headers: more,
        signal,
        cache: "no-store",
      });
      opened();
      const parser = new SseParser();
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const chunk = await reader?.read();
        if (!chunk || chunk.done) return;
        clearTimeout(watch);
        watch = setTimeout(() => silence.abort(), SILENCE_MS);
        this.take(parser, chunk.value);
      }
    } finally {
      clearTimeout(watch);
    }
  }

  private take(parser: SseParser, text: string): void {
    for (const message of parser.push(text)) {
      if (message.event === "gap") this.listener.gap();
      else if (message.event === "message") this.add(message.data);
    }
    this.lastId = parser.lastId ?? this.lastId;
  }

  private add(data: string): void {
    try {
      this.bunch.push(JSON.parse(data) as ActivityEvent);
    } catch {
      return;
    }
    if (this.bunch.length > BUNCH_MOST) this.bunch.shift();
    this.timer ??= setTimeout(() => this.flush(), BUNCH_MS);
  }

  private flush(): void {
    const { bunch } = this;
    this.bunch = [];
    this.timer = undefined;
    if (!this.closed) this.listener.events(bunch);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
