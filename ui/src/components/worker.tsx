import type { WorkerView } from "../api/types.ts";
import { count, plural } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { WorkerBadge } from "./badge.tsx";

/** What a worker does now, and what it has done. */
export function WorkerCard({ worker }: { worker: WorkerView }) {
  const idle = worker.action === "idle";
  const done = `${plural(worker.splits_done, "split")} · ${plural(worker.records_done, "record")}`;
  return (
    <li class={`worker ${idle ? "idle" : ""}`} data-worker={worker.worker_id}>
      <div class="worker-head">
        <h3>Worker {worker.worker_id}</h3>
        <WorkerBadge action={worker.action} />
      </div>
      <p class="worker-what">
        {worker.source ? <b>{worker.source}</b> : <span class="faint">waits for a split</span>}
        {worker.stream && worker.stream !== worker.source && <span> / {worker.stream}</span>}
        {worker.split && (
          <span class="split" title={worker.split}>
            {worker.split}
          </span>
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
