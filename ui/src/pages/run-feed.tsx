import { useEffect, useRef, useState } from "preact/hooks";
import type { ActivityEvent, RunDetail, WorkerView } from "../api/types.ts";
import { ACTIONS, actionLook } from "../components/action.ts";
import { Select } from "../components/choice.tsx";
import { Facts } from "../components/facts.tsx";
import { FeedList } from "../components/feed.tsx";
import { Icon } from "../components/icon.tsx";
import { Section } from "../components/page.tsx";
import { count, millis, plural } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { type Feed, useFeed } from "../live/activity.ts";

const PROBLEMS = "retrying,rate_limited,paused,warning,error";

export interface RunFeedState {
  feed: Feed;
  action: string;
  source: string;
  worker: string;
  setAction(action: string): void;
  setSource(source: string): void;
  setWorker(worker: string): void;
}

/** The activity of a run, filtered by the server: what is rare is found in a flood too. */
export function useRunFeed(run: string): RunFeedState {
  const [action, setAction] = useState("");
  const [source, setSource] = useState("");
  const [worker, setWorker] = useState("");
  const feed = useFeed({
    run,
    action: action || undefined,
    source: source || undefined,
    worker: worker || undefined,
  });
  return { feed, action, source, worker, setAction, setSource, setWorker };
}

export function RunFeed({ run, state }: { run: RunDetail; state: RunFeedState }) {
  const { feed, worker } = state;
  // Workers stay to choose from when the run has ended, as far as the list names them.
  const workers = new Set([
    ...(run.live?.workers ?? []).map((w) => w.worker_id),
    ...feed.events.map((event) => event.worker_id),
    ...(worker ? [Number(worker)] : []),
  ]);
  workers.delete(0);
  const all = { value: "", text: "all" };
  const one = worker !== "" && worker !== "0";
  return (
    <Section
      title={one ? `Worker ${worker}` : "Activity"}
      class="run-feed"
      beside={
        one && (
          <button type="button" class="quiet" onClick={() => state.setWorker("")}>
            <Icon name="cross" />
            All workers
          </button>
        )
      }
    >
      {one && (
        <OneWorker
          key={worker}
          worker={run.live?.workers.find((each) => `${each.worker_id}` === worker)}
          events={feed.events}
        />
      )}
      <FeedList
        feed={feed}
        label="What happened in this run, newest first"
        empty="Nothing is there yet."
        controls={
          <>
            <Select
              label="Action"
              value={state.action}
              choose={state.setAction}
              options={[
                all,
                { value: PROBLEMS, text: "problems" },
                ...ACTIONS.map((value) => ({ value, text: actionLook(value).words })),
              ]}
            />
            {run.sources.length > 1 && (
              <Select
                label="Source"
                value={state.source}
                choose={state.setSource}
                options={[all, ...run.sources.map((name) => ({ value: name, text: name }))]}
              />
            )}
            <Select
              label="Worker"
              value={worker}
              choose={state.setWorker}
              options={[
                all,
                { value: "0", text: "system" },
                ...[...workers].sort((a, b) => a - b).map((id) => ({ value: `${id}`, text: `${id}` })),
              ]}
            />
          </>
        }
      />
    </Section>
  );
}

/** A worker's figures: what it has done in the run, and how the events went that are listed below. */
function OneWorker({ worker, events }: { worker: WorkerView | undefined; events: ActivityEvent[] }) {
  const box = useRef<HTMLDivElement>(null);
  // Where the log is below the cards, it comes to whoever asked for it.
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), []);
  const of = (action: string) => events.filter((event) => event.action === action);
  const records = of("inserted").reduce((sum, event) => sum + (event.count ?? 0), 0);
  const took = of("found")
    .flatMap((event) => event.duration_ms ?? [])
    .sort((a, b) => a - b);
  const median = took[Math.floor(took.length / 2)];
  return (
    <div class="one-worker" ref={box}>
      <Facts
        rows={[
          [
            "In this run",
            worker && `${plural(worker.splits_done, "split")}, ${plural(worker.records_done, "record")}`,
          ],
          ["This split", worker?.since_s === undefined ? undefined : `for ${duration(worker.since_s)}`],
          ["Listed here", `${plural(of("complete").length, "split")}, ${plural(records, "new record")}`],
          ["A batch takes", median === undefined ? undefined : `${millis(median)} (median)`],
          [
            "Trouble",
            `${plural(of("error").length, "failure")}, ${count(of("retrying").length)} tried again`,
          ],
        ]}
      />
    </div>
  );
}
