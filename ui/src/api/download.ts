import { BASE, send, withQuery } from "./client.ts";
import { token } from "./token.ts";
import type { ExportFormat } from "./types.ts";

/** What a page may hold in memory: a download with a token goes through it. */
const MOST_BYTES = 512 * 1024 * 1024;

export class TooLarge extends Error {}

function exportPath(dataset: string, format: ExportFormat): string {
  return withQuery(`/datasets/${encodeURIComponent(dataset)}/export`, { format });
}

/** The browser downloads by itself, whatever the size, if it needs no header. */
export function exportLink(dataset: string, format: ExportFormat): string | undefined {
  return token.value === null ? BASE + exportPath(dataset, format) : undefined;
}

/** Downloads with the token in a header; `progress` gets the bytes so far. */
export async function downloadExport(
  dataset: string,
  format: ExportFormat,
  progress: (bytes: number) => void,
): Promise<void> {
  const stop = new AbortController();
  const response = await send(exportPath(dataset, format), { signal: stop.signal, cache: "no-store" });
  const parts: BlobPart[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) break;
    size += part.value.byteLength;
    if (size > MOST_BYTES) {
      stop.abort();
      throw new TooLarge(`This is more than a page can hold. On the server: busta data export ${dataset}`);
    }
    parts.push(part.value);
    progress(size);
  }
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  save(new Blob(parts, { type }), `${dataset}.${format}`);
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
