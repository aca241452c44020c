import type { LiveRun } from "../api/types.ts";
import { Section } from "../components/page.tsx";
import { WorkerCard } from "../components/worker.tsx";
import { plural } from "../format/number.ts";
import type { RunFeedState } from "./run-feed.tsx";

/** Beyond these, workers without work are only counted. */
const CARDS = 24;

/** A card per worker; a press on one shows its log and figures. */
export function Workers({ live, feed }: { live: LiveRun; feed: RunFeedState }) {
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
            chosen={feed.worker === `${worker.worker_id}`}
            choose={() => feed.setWorker(feed.worker === `${worker.worker_id}` ? "" : `${worker.worker_id}`)}
          />
        ))}
      </ul>
      {crowded && <p class="faint">{plural(live.workers.length - busy, "more worker")} without work</p>}
    </Section>
  );
}
