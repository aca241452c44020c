import { useState } from "preact/hooks";
import type { RunDetail } from "../api/types.ts";
import { ACTIONS, actionLook } from "../components/action.ts";
import { Select } from "../components/choice.tsx";
import { FeedList } from "../components/feed.tsx";
import { Section } from "../components/page.tsx";
import { useFeed } from "../live/activity.ts";

const PROBLEMS = "retrying,rate_limited,paused,warning,error";

/** The activity of a run, filtered by the server: what is rare is found in a flood too. */
export function RunFeed({ run }: { run: RunDetail }) {
  const [action, setAction] = useState("");
  const [source, setSource] = useState("");
  const [worker, setWorker] = useState("");
  const feed = useFeed({
    run: run.id,
    action: action || undefined,
    source: source || undefined,
    worker: worker || undefined,
  });
  // Workers stay to choose from when the run has ended, as far as the list names them.
  const workers = new Set([
    ...(run.live?.workers ?? []).map((w) => w.worker_id),
    ...feed.events.map((event) => event.worker_id),
  ]);
  workers.delete(0);
  const all = { value: "", text: "all" };
  return (
    <Section title="Activity" class="run-feed">
      <FeedList
        feed={feed}
        label="What happened in this run, newest first"
        empty="Nothing is there yet."
        controls={
          <>
            <Select
              label="Action"
              value={action}
              choose={setAction}
              options={[
                all,
                { value: PROBLEMS, text: "problems" },
                ...ACTIONS.map((value) => ({ value, text: actionLook(value).words })),
              ]}
            />
            {run.sources.length > 1 && (
              <Select
                label="Source"
                value={source}
                choose={setSource}
                options={[all, ...run.sources.map((name) => ({ value: name, text: name }))]}
              />
            )}
            <Select
              label="Worker"
              value={worker}
              choose={setWorker}
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
