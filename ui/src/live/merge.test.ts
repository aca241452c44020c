import { describe, expect, it } from "vitest";
import type { ActivityEvent } from "../api/types.ts";
import { backoff } from "./backoff.ts";
import { merge } from "./merge.ts";

const events = (...ids: number[]): ActivityEvent[] =>
  ids.map((id) => ({ id, at: "2026-01-01T00:00:00Z", run: "r", worker_id: 1, action: "found" }));
const ids = (list: ActivityEvent[]) => list.map((e) => e.id);

describe("merge", () => {
  it("sorts newest first, whatever the order of what comes", () => {
    expect(ids(merge(events(5, 3), events(4, 6, 1), 10))).toEqual([6, 5, 4, 3, 1]);
  });

  it("shows what came twice once, also over a reconnect", () => {
    expect(ids(merge(events(5, 4, 3), events(3, 4, 5, 6, 6), 10))).toEqual([6, 5, 4, 3]);
  });

  it("keeps the newest within its bounds", () => {
    expect(ids(merge(events(5, 4, 3), events(6, 7), 3))).toEqual([7, 6, 5]);
  });

  it("gives the same list if there is nothing new", () => {
    const have = events(2, 1);
    expect(merge(have, [], 10)).toBe(have);
  });
});

describe("backoff", () => {
  it("doubles up to ten seconds, never below half", () => {
    expect([1, 2, 3, 4, 5, 6, 20].map((n) => backoff(n, () => 1))).toEqual([
      500, 1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
    expect(backoff(3, () => 0)).toBe(1000);
  });
});
