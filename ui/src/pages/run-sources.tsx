import type { SourceReport, SourceRun } from "../api/types.ts";
import { StateBadge } from "../components/badge.tsx";
import { Progress } from "../components/bar.tsx";
import { MissingFiles } from "../components/gaps.tsx";
import { Notice } from "../components/notice.tsx";
import { type Col, Table } from "../components/table.tsx";
import { Words } from "../components/words.tsx";
import { money } from "../format/money.ts";
import { bytes, count, plural } from "../format/number.ts";
import { duration } from "../format/time.ts";

/** How far a source is, and what is in its way. */
export function SourceProgress({ source }: { source: SourceRun }) {
  const part = source.splits_known === 0 ? undefined : source.totals.splits / source.splits_known;
  return (
    <li data-source={source.name}>
      <div class="run-cell">
        <a href={`/sources/${encodeURIComponent(source.name)}`}>{source.name}</a>
        <StateBadge state={source.state} />
        <span class="faint">{source.type}</span>
      </div>
      <Progress
        label={`Splits done of ${source.name}`}
        share={source.state === "completed" ? 1 : part}
        tone={source.state}
      />
      <p class="inline-facts">
        <span>
          {count(source.totals.splits)} of {plural(source.splits_known, "split")}
        </span>
        <span>{plural(source.totals.records, "record")}</span>
        <span>{bytes(source.totals.bytes)}</span>
        {source.estimate !== undefined && (
          <span>
            {count(source.totals.requests)} of about {plural(source.estimate, "request")}
          </span>
        )}
        {source.cost !== undefined && <span>cost {money(source.cost)}</span>}
        {source.in_flight > 0 && <span>{count(source.in_flight)} being read</span>}
        {source.totals.retries > 0 && (
          <span class="warn-ink">{plural(source.totals.retries, "retry", "retries")}</span>
        )}
        {source.totals.failures > 0 && (
          <span class="bad-ink">{plural(source.totals.failures, "failure")}</span>
        )}
      </p>
      {source.waiting && (
        <Notice tone="warn">
          <Words text={source.waiting} />
        </Notice>
      )}
      {source.stopped && (
        <Notice tone="warn">
          <Words text={source.stopped.reason} />
        </Notice>
      )}
      {source.error && !source.stopped?.reason.includes(source.error) && (
        <Notice tone="bad">
          <Words text={source.error} />
        </Notice>
      )}
    </li>
  );
}

const REPORT: Col<SourceReport>[] = [
  {
    title: "Source",
    main: true,
    cell: (source) => (
      <span class="run-cell">
        <b>{source.name}</b>
        <StateBadge state={source.status} />
      </span>
    ),
  },
  { title: "Records", number: true, cell: (source) => count(source.records) },
  { title: "Already there", number: true, cell: (source) => count(source.deduped) },
  { title: "Dropped", number: true, extra: true, cell: (source) => count(source.dropped ?? 0) },
  { title: "Failures", number: true, cell: (source) => count(source.failures) },
  { title: "Requests", number: true, cell: (source) => count(source.requests) },
  { title: "Retries", number: true, extra: true, cell: (source) => count(source.retries) },
  { title: "Rate limited", number: true, extra: true, cell: (source) => count(source.rate_limited) },
  { title: "Received", number: true, cell: (source) => bytes(source.bytes) },
  { title: "Took", number: true, cell: (source) => duration(source.duration_s) },
];

/** What came of each source, after the end. */
export function Report({ sources }: { sources: SourceReport[] }) {
  return (
    <>
      <Table
        caption="The run's report, by source"
        cols={REPORT}
        rows={sources}
        id={(source) => source.name}
        empty="It had no sources."
      />
      {sources.map(
        ({ name, gaps }) =>
          gaps !== undefined &&
          gaps.files > 0 && (
            <div key={name}>
              <h3>Missing files of {name}</h3>
              <MissingFiles gaps={gaps} source={name} />
            </div>
          ),
      )}
    </>
  );
}
