import { useRef } from "preact/hooks";
import type { ActivityEvent, LiveRun, Subject, WorkerView } from "../api/types.ts";
import { Section } from "../components/page.tsx";
import { WorkerCard } from "../components/worker.tsx";
import { plural } from "../format/number.ts";
import { subjectOf } from "../format/subject.ts";
import type { RunFeedState } from "./run-feed.tsx";

/** Beyond these, workers without work are only counted. */
const CARDS = 24;

/** A card per worker; a press on one shows its log and figures. */
export function Workers({ live, feed }: { live: LiveRun; feed: RunFeedState }) {
  const subjects = useSubjects(live.workers, feed.feed.events);
  const crowded = live.workers.length > CARDS;
  const shown = crowded ? live.workers.filter((worker) => worker.action !== "idle") : live.workers;
  const busy = live.workers.filter((worker) => worker.action !== "idle").length;
  return (
    <Section title="Workers" beside={<span class="faint">{`${busy} of ${live.workers.length} busy`}</span>}>
      <ul class="workers">
        {shown.map((worker) => (
          <WorkerCard
            key={worker.worker_id}
            worker={worker}
            subject={subjects.get(worker.worker_id)?.subject}
            chosen={feed.worker === `${worker.worker_id}`}
            choose={() => feed.setWorker(feed.worker === `${worker.worker_id}` ? "" : `${worker.worker_id}`)}
          />
        ))}
      </ul>
      {crowded && <p class="faint">{plural(live.workers.length - busy, "more worker")} without work</p>}
    </Section>
  );
}

/** What workers are at, remembered while the list of events is filtered to those of others. */
function useSubjects(workers: WorkerView[], events: ActivityEvent[]) {
  const known = useRef(new Map<number, { split: string | undefined; subject: Subject }>());
  for (const worker of workers) {
    const subject = subjectOf(worker, events);
    if (subject) known.current.set(worker.worker_id, { split: worker.split, subject });
    else if (known.current.get(worker.worker_id)?.split !== worker.split) {
      known.current.delete(worker.worker_id);
    }
  }
  return known.current;
}
