import { describe, expect, it } from "vitest";
import { SseParser } from "./sse.ts";

const STREAM =
  'retry: 2000\n\n: hello\n\nid: 7\ndata: {"a":1}\n\nevent: gap\nid: 9\ndata: x\ndata: y\n\ndata: z\n\n';

describe("SseParser", () => {
  it("reads ids, events and data of several lines", () => {
    const parser = new SseParser();
    expect(parser.push(STREAM)).toEqual([
      { id: "7", event: "message", data: '{"a":1}' },
      { id: "9", event: "gap", data: "x\ny" },
      { id: "9", event: "message", data: "z" },
    ]);
  });

  it("does not care where chunks end, nor which line ends are used", () => {
    for (const text of [STREAM, STREAM.replaceAll("\n", "\r\n")]) {
      const whole = new SseParser().push(text);
      for (let size = 1; size < 12; size += 1) {
        const parser = new SseParser();
        const messages = [];
        for (let at = 0; at < text.length; at += size)
          messages.push(...parser.push(text.slice(at, at + size)));
        expect(messages).toEqual(whole);
      }
    }
  });

  it("learns a place from a block without data, once it is complete", () => {
    const parser = new SseParser();
    expect(parser.push(": heartbeat\nid: 41\n")).toEqual([]);
    expect(parser.lastId).toBeUndefined();
    expect(parser.push("\n")).toEqual([]);
    expect(parser.lastId).toBe("41");
  });

  it("keeps what is not complete, and never without bounds", () => {
    const parser = new SseParser();
    expect(parser.push("data: half")).toEqual([]);
    expect(parser.push("\n\n")).toEqual([{ id: undefined, event: "message", data: "half" }]);
    parser.push(`data: ${"x".repeat(2_000_000)}`);
    expect(parser.push("\n\ndata: ok\n\n").map((m) => m.data)).toEqual(["ok"]);
  });
});
