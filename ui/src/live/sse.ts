// Server-sent events, as in https://html.spec.whatwg.org/multipage/server-sent-events.html. The browser's
// EventSource cannot send a header: the token would have to stand in the address, and a new object could
// not say where the last one ended. So the stream is read with `fetch`.

export interface SseMessage {
  /** The `id` of this message or of the last one before it that had one. */
  id: string | undefined;
  event: string;
  data: string;
}

/** No message of the API comes near; what is longer is not ours, and must not fill the memory. */
const LONGEST = 1 << 20;

/** Cuts the text of a stream into messages, however it was cut into chunks. */
export class SseParser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | undefined;
  /** The last id of a block that was complete, whether it had data or not: where to go on from. */
  lastId: string | undefined;

  push(chunk: string): SseMessage[] {
    const messages: SseMessage[] = [];
    let text = this.rest + chunk;
    if (text.length > LONGEST) text = "";
    let from = 0;
    for (;;) {
      const end = lineEnd(text, from);
      if (!end) break;
      const message = this.line(text.slice(from, end.at));
      if (message) messages.push(message);
      from = end.next;
    }
    this.rest = text.slice(from);
    return messages;
  }

  private line(line: string): SseMessage | undefined {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return undefined;
  }

  private dispatch(): SseMessage | undefined {
    const { data, event } = this;
    this.data = [];
    this.event = "";
    this.lastId = this.id;
    if (data.length === 0) return undefined;
    return { id: this.id, event: event || "message", data: data.join("\n") };
  }
}

/** Where the line that begins at `from` ends; nothing if that is not known yet. */
function lineEnd(text: string, from: number): { at: number; next: number } | undefined {
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\n") return { at, next: at + 1 };
    // A carriage return at the very end may be the first half of a line end.
    if (char === "\r") {
      if (at + 1 === text.length) return undefined;
      return { at, next: text[at + 1] === "\n" ? at + 2 : at + 1 };
    }
  }
  return undefined;
}
