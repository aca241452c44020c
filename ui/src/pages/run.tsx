import { useEffect, useRef, useState } from "preact/hooks";
import { operate } from "../api/client.ts";
import type { RunDetail, SourceRun } from "../api/types.ts";
import { StateBadge } from "../components/badge.tsx";
import { Progress } from "../components/bar.tsx";
import { Act } from "../components/button.tsx";
import { accepted } from "../components/collect.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { Hosts, Pools } from "../components/limits.tsx";
import { share } from "../components/live-run.tsx";
import { Loaded } from "../components/notice.tsx";
import { Figures, PageFrame, Section } from "../components/page.tsx";
import { Phases } from "../components/phases.tsx";
import { SourceNames, TRIGGERS } from "../components/runs.tsx";
import { Spent } from "../components/spent.tsx";
import { When } from "../components/time.tsx";
import { bytes, compact, count, percent, plural, rate } from "../format/number.ts";
import { dateTime, duration } from "../format/time.ts";
import { useQuery } from "../state/query.ts";
import { RunFailures } from "./run-failures.tsx";
import { RunFeed, useRunFeed } from "./run-feed.tsx";
import { Report, SourceProgress } from "./run-sources.tsx";
import { Workers } from "./run-workers.tsx";

const UNDER_WAY = new Set(["queued", "running"]);
const RETRIABLE = new Set(["interrupted", "partial", "failed", "cancelled"]);

export function RunPage({ id }: { id: string }) {
  const path = `/runs/${encodeURIComponent(id)}`;
  const [live, setLive] = useState(true);
  const run = useQuery<RunDetail>(path, { every: live ? 1000 : 15_000, withRuns: true });
  const state = run.data?.state;
  useEffect(() => setLive(state === undefined || UNDER_WAY.has(state)), [state]);
  return (
    <PageFrame
      title={`Run ${run.data?.id ?? id}`}
      above={{ to: "/runs", text: "Runs" }}
      beside={run.data && <StateBadge state={run.data.state} />}
      actions={run.data && <Actions run={run.data} refresh={run.refresh} />}
    >
      <Loaded query={run}>{(data) => <RunBody run={data} />}</Loaded>
    </PageFrame>
  );
}

function Actions({ run, refresh }: { run: RunDetail; refresh(): void }) {
  const [sure, setSure] = useState(false);
  const cancel = async () => {
    await operate.cancel(run.id);
    setSure(false);
    refresh();
  };
  return (
    <>
      {RETRIABLE.has(run.state) && (
        <Act look="primary" icon="retry" act={async () => accepted(await operate.retry(run.id))}>
          Retry what failed
        </Act>
      )}
      {UNDER_WAY.has(run.state) && (
        <button type="button" class="danger" disabled={run.live?.stopping} onClick={() => setSure(true)}>
          <Icon name="stop" />
          {run.live?.stopping ? "Stopping …" : "Cancel"}
        </button>
      )}
      {sure && (
        <Dialog
          title="Cancel this run?"
          close={() => setSure(false)}
          foot={
            <>
              <button type="button" onClick={() => setSure(false)}>
                Let it go on
              </button>
              <Act look="danger" icon="stop" act={cancel}>
                Cancel the run
              </Act>
            </>
          }
        >
          <p>What was collected stays. It can be gone on with later: nothing is read twice.</p>
        </Dialog>
      )}
    </>
  );
}

function RunBody({ run }: { run: RunDetail }) {
  const { live } = run;
  const feed = useRunFeed(run.id);
  return (
    <>
      <Announce state={run.state} />
      <Head run={run} />
      <div class="run-grid">
        <div class="run-main">
          {live && <Workers live={live} feed={feed} />}
          <Section title="Sources">
            <ul class="source-runs">
              {run.by_source.map((source) => (
                <SourceProgress key={source.name} source={source} />
              ))}
            </ul>
            {run.by_source.length === 0 && <p class="empty">It waits for its turn.</p>}
          </Section>
          <RunFailures run={run} />
          <Section title="Where the time goes">
            <Spent sources={run.by_source} />
          </Section>
          {live && (
            <Section title="Limits">
              <h3>Pools</h3>
              <Pools pools={live.pools} />
              <h3>Hosts that are held back</h3>
              <Hosts
                hosts={live.held_back}
                limits
                caption="Hosts that get less than the configuration allows"
                empty="None: every host gets what the configuration allows."
              />
            </Section>
          )}
        </div>
        <RunFeed run={run} state={feed} />
      </div>
      {run.report && (
        <Section title="Report">
          <Report sources={run.report.sources} />
          <p class="faint">
            Peak memory {bytes(run.report.peak_rss_bytes)} · processor time {duration(run.report.cpu_s)}
          </p>
        </Section>
      )}
    </>
  );
}

/** Says to screen readers how the run stands, when that changes. */
function Announce({ state }: { state: string }) {
  const before = useRef(state);
  const changed = before.current !== state;
  return (
    <p class="unseen" role="status">
      {changed ? `The run is now ${state}.` : ""}
    </p>
  );
}

function Head({ run }: { run: RunDetail }) {
  const { live, totals } = run;
  const part = share(run);
  return (
    <div class="run-head">
      <p class="inline-facts">
        <SourceNames names={run.sources} />
        <span>by {TRIGGERS[run.trigger] ?? run.trigger}</span>
        <span title={dateTime(run.started_at)}>
          {run.state === "queued" ? "queued" : "began"} <When at={run.started_at} />
        </span>
        {run.full_refresh && <span>reads everything again</span>}
        {run.limit !== undefined && <span>at most {count(run.limit)} records of a stream</span>}
      </p>
      {live && (
        <div class="run-progress">
          <Progress label="Splits that are done" share={part} />
          <p class="inline-facts">
            <span>
              {count(totals.splits)} of {plural(known(run.by_source), "known split")} done
              {part !== undefined && `, ${percent(part)}`}
            </span>
            <span>{count(live.in_flight)} being read</span>
            <span>{count(live.queued)} wait</span>
          </p>
        </div>
      )}
      {run.by_source.map(
        (source) =>
          source.phases &&
          source.phases.length > 1 && (
            <Phases
              key={source.name}
              phases={source.phases}
              source={run.by_source.length > 1 ? source.name : undefined}
            />
          ),
      )}
      <Figures
        label="What the run has done"
        figures={[
          live
            ? {
                name: "Elapsed",
                value: duration(live.elapsed_s),
                below: live.eta_s === undefined ? "end not known yet" : `about ${duration(live.eta_s)} to go`,
              }
            : {
                name: "Took",
                value: duration(run.duration_s),
                below: <When at={run.finished_at} none=" " />,
              },
          {
            name: "Records",
            value: compact(totals.records),
            below: `${rate(live?.records_per_s ?? totals.records / Math.max(run.duration_s, 0.001))} /s`,
          },
          {
            name: "Received",
            value: bytes(totals.bytes),
            below: `${bytes(live?.bytes_per_s ?? totals.bytes / Math.max(run.duration_s, 0.001))}/s`,
          },
          {
            name: "Requests",
            value: compact(totals.requests),
            below: plural(totals.retries, "retry", "retries"),
          },
          {
            name: "Failures",
            value:
              totals.failures > 0 ? (
                <a href={`/failures?run=${encodeURIComponent(run.id)}`}>{compact(totals.failures)}</a>
              ) : (
                "0"
              ),
            below: "records and splits",
            tone: totals.failures > 0 ? "bad" : "",
          },
        ]}
      />
    </div>
  );
}

function known(sources: SourceRun[]): number {
  return sources.reduce((sum, source) => sum + source.splits_known, 0);
}
