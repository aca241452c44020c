import type { ActivityEvent, Subject, WorkerView } from "../api/types.ts";

/** What a worker's split is about: as it says itself, else as the newest event of that split says. */
export function subjectOf(worker: WorkerView, events: ActivityEvent[]): Subject | undefined {
  if (worker.subject || worker.split === undefined) return worker.subject;
  return events.find(
    (event) => event.subject && event.split === worker.split && event.source === worker.source,
  )?.subject;
}
