import type { RunSummary, Trigger } from "../api/types.ts";
import { bytes, compact } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { StateBadge } from "./badge.tsx";
import { type Col, Table } from "./table.tsx";
import { When } from "./time.tsx";

export const TRIGGERS: Record<Trigger, string> = {
  command: "command line",
  schedule: "schedule",
  catchup: "missed schedule",
  api: "request",
  resume: "resumed at start",
};

/** Ids begin with the time, to the millisecond: their end tells runs apart. */
export function shortId(id: string): string {
  return id.slice(-8);
}

export function RunLink({ id }: { id: string }) {
  return (
    <a class="mono" href={`/runs/${encodeURIComponent(id)}`} title={id}>
      {shortId(id)}
    </a>
  );
}

export function SourceNames({ names }: { names: string[] }) {
  const first = names.slice(0, 3).join(", ");
  return (
    <span title={names.join(", ")}>{names.length > 3 ? `${first} and ${names.length - 3} more` : first}</span>
  );
}

const COLS: Col<RunSummary>[] = [
  {
    title: "Run",
    main: true,
    cell: (run) => (
      <span class="run-cell tight">
        <RunLink id={run.id} />
        <StateBadge state={run.state} />
      </span>
    ),
  },
  { title: "Sources", cell: (run) => <SourceNames names={run.sources} /> },
  { title: "Began", cell: (run) => <When at={run.started_at} /> },
  { title: "By", extra: true, cell: (run) => TRIGGERS[run.trigger] ?? run.trigger },
  { title: "Took", number: true, cell: (run) => (run.state === "queued" ? "–" : duration(run.duration_s)) },
  { title: "Records", number: true, cell: (run) => compact(run.totals.records) },
  { title: "Received", number: true, extra: true, cell: (run) => bytes(run.totals.bytes) },
  {
    title: "Failures",
    number: true,
    cell: (run) =>
      run.totals.failures > 0 ? (
        <a class="bad-ink" href={`/failures?run=${encodeURIComponent(run.id)}`}>
          {compact(run.totals.failures)}
        </a>
      ) : (
        <span class="faint">0</span>
      ),
  },
];

export function RunTable(props: { runs: RunSummary[]; caption: string; empty: string }) {
  return (
    <Table caption={props.caption} cols={COLS} rows={props.runs} id={(run) => run.id} empty={props.empty} />
  );
}
