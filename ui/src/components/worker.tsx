import type { WorkerView } from "../api/types.ts";
import { count, plural } from "../format/number.ts";
import { splitWords } from "../format/split.ts";
import { duration } from "../format/time.ts";
import { WorkerBadge } from "./badge.tsx";
import { SubjectWords } from "./subject.tsx";

interface Props {
  worker: WorkerView;
  /** Whether its log and figures are shown. */
  chosen: boolean;
  choose(): void;
}

/** What a worker does now, and what it has done; a press shows its log. */
export function WorkerCard({ worker, chosen, choose }: Props) {
  const idle = worker.action === "idle";
  const done = `${plural(worker.splits_done, "split")} · ${plural(worker.records_done, "record")}`;
  return (
    <li class={`worker ${idle ? "idle" : ""} ${chosen ? "chosen" : ""}`} data-worker={worker.worker_id}>
      <div class="worker-head">
        <h3>
          <button
            type="button"
            class="link whole"
            aria-pressed={chosen}
            title={`Log and figures of worker ${worker.worker_id}`}
            onClick={choose}
          >
            Worker {worker.worker_id}
          </button>
        </h3>
        <WorkerBadge action={worker.action} />
      </div>
      <p class="worker-what">
        {worker.source ? <b>{worker.source}</b> : <span class="faint">waits for a split</span>}
        {worker.stream && worker.stream !== worker.source && <span> / {worker.stream}</span>}
        {worker.subject && Object.keys(worker.subject).length > 0 ? (
          <SubjectWords subject={worker.subject} most={3} />
        ) : (
          worker.split && (
            <span class="split" title={worker.split}>
              {splitWords(worker.split)}
            </span>
          )
        )}
      </p>
      <p class="worker-now">
        {!idle && (
          <>
            <span>{plural(worker.records, "record")}</span>
            {worker.batches > 0 && <span>{plural(worker.batches, "batch", "batches")}</span>}
            {worker.attempt > 1 && <span class="warn-ink">attempt {count(worker.attempt)}</span>}
            {worker.since_s !== undefined && <span>{duration(worker.since_s)}</span>}
          </>
        )}
      </p>
      <p class="worker-done">
        <span class="unseen">So far in this run: </span>
        {done}
      </p>
    </li>
  );
}
