import type { DatasetRecord, DatasetView } from "../api/types.ts";
import { nameOf } from "../format/record.ts";
import { Code } from "./code.tsx";
import { Dialog } from "./dialog.tsx";

/** A record with all that is known of it. */
export function WholeRecord(props: { record: DatasetRecord; view: DatasetView; close(): void }) {
  return (
    <Dialog title={nameOf(props.record, props.view.text)} close={props.close} wide>
      <Code label="The whole record" text={JSON.stringify(props.record)} />
    </Dialog>
  );
}
