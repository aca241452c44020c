import { useState } from "preact/hooks";
import { downloadExport, exportLink, TooLarge } from "../api/download.ts";
import type { ExportFormat } from "../api/types.ts";
import { bytes } from "../format/number.ts";
import { toast, toastProblem } from "../state/toast.ts";
import { Icon } from "./icon.tsx";

const FORMATS: ExportFormat[] = ["csv", "json", "ndjson"];

/** The whole table as a file, in three forms. */
export function Export({ dataset }: { dataset: string }) {
  const [busy, setBusy] = useState<{ format: ExportFormat; size: number } | undefined>();
  const download = async (format: ExportFormat) => {
    setBusy({ format, size: 0 });
    try {
      await downloadExport(dataset, format, (size) => setBusy({ format, size }));
    } catch (problem) {
      if (problem instanceof TooLarge) toast({ tone: "bad", text: problem.message });
      else toastProblem(problem);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <fieldset class="actions export">
      <legend class="unseen">Export all rows</legend>
      {FORMATS.map((format) => {
        const link = exportLink(dataset, format);
        const name = format.toUpperCase();
        if (link !== undefined) {
          return (
            <a key={format} class="button" href={link} download={`${dataset}.${format}`}>
              <Icon name="download" />
              {name}
            </a>
          );
        }
        return (
          <button key={format} type="button" disabled={busy !== undefined} onClick={() => download(format)}>
            <Icon name="download" />
            {busy?.format === format ? bytes(busy.size) : name}
          </button>
        );
      })}
    </fieldset>
  );
}
