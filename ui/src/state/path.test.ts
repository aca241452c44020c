import { describe, expect, it } from "vitest";
import { match } from "./path.ts";

describe("match", () => {
  it("finds the parts that a pattern names", () => {
    expect(match("/", "/")).toEqual({});
    expect(match("/runs/:id", "/runs/01ABC")).toEqual({ id: "01ABC" });
    expect(match("/runs/:id", "/runs/01ABC/")).toEqual({ id: "01ABC" });
    expect(match("/data/:name", "/data/a%2Fb%20c")).toEqual({ name: "a/b c" });
  });

  it("fits nothing else", () => {
    for (const path of ["/runs", "/runs/", "/runs/a/b", "/sources/a", "/runs/%E0%A4%A"]) {
      expect(match("/runs/:id", path)).toBeUndefined();
    }
  });
});
