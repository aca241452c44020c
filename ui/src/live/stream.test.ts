import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ActivityEvent } from "../api/types.ts";
import { ActivityStream, type StreamState } from "./stream.ts";

const event = (id: number) => `id: ${id}\ndata: ${JSON.stringify({ id, action: "found" })}\n\n`;

type Answer = (signal: AbortSignal) => Response | Promise<Response>;

/** Answers requests one after another; what is asked of it is kept. */
class Server {
  readonly asked: { url: string; lastId: string | undefined }[] = [];
  private readonly answers: Answer[];

  constructor(...answers: Answer[]) {
    this.answers = answers;
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
      const sent = init.headers as Record<string, string>;
      this.asked.push({ url, lastId: sent["Last-Event-ID"] });
      const answer = this.answers.shift();
      // Then it is quiet.
      return answer ? Promise.resolve(answer(init.signal as AbortSignal)) : new Promise(() => {});
    });
  }
}

function follow(from?: number) {
  const seen = { ids: [] as number[], gaps: 0, states: [] as StreamState["kind"][] };
  const stream = new ActivityStream({ run: "r1" }, from, {
    events: (events: ActivityEvent[]) => seen.ids.push(...events.map((e) => e.id)),
    gap: () => (seen.gaps += 1),
    state: (state) => seen.states.push(state.kind),
  });
  return { seen, stream };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("ActivityStream", () => {
  it("goes on behind the last event when the connection ends", async () => {
    const server = new Server(
      () => new Response(event(5) + event(6)),
      () => Promise.reject(new TypeError("connection refused")),
      () => new Response(`event: gap\nid: 8\ndata: {}\n\n${event(9)}`),
    );
    const { seen, stream } = follow(4);
    await vi.advanceTimersByTimeAsync(5000);
    stream.close();
    expect(server.asked.map((each) => each.lastId)).toEqual(["4", "6", "6", "9"]);
    expect(server.asked[0]?.url).toBe("/api/v1/activity/stream?run=r1");
    expect(seen.ids).toEqual([5, 6, 9]);
    expect(seen.gaps).toBe(1);
    expect(seen.states.slice(0, 6)).toEqual([
      "connecting",
      "live",
      "waiting",
      "connecting",
      "waiting",
      "connecting",
    ]);
  });

  it("takes a server that says nothing for gone", async () => {
    const quiet: Answer = (signal) =>
      new Response(
        new ReadableStream({
          start: (body) => signal.addEventListener("abort", () => body.error(signal.reason)),
        }),
      );
    const server = new Server(quiet);
    const { stream } = follow();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(server.asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(server.asked.length).toBe(2);
    stream.close();
  });

  it("asks nothing once it is closed", async () => {
    const server = new Server(() => new Response(event(1)));
    const { seen, stream } = follow();
    await vi.advanceTimersByTimeAsync(0);
    stream.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.asked.length).toBe(1);
    expect(seen.ids).toEqual([]);
  });
});
