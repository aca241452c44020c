import type { ActivityEvent, Subject, WorkerView } from "../api/types.ts";

/** What a worker's split is about, by the newest event of that split that says so. */
export function subjectOf(worker: WorkerView, events: ActivityEvent[]): Subject | undefined {
  if (worker.split === undefined) return undefined;
  return events.find(
    (event) => event.subject && event.split === worker.split && event.source === worker.source,
  )?.subject;
}
