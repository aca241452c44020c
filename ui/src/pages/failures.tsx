import { useState } from "preact/hooks";
import { operate } from "../api/client.ts";
import type { FailureGroup, FailureView, GroupBy, SourceView } from "../api/types.ts";
import { Badge } from "../components/badge.tsx";
import { Act } from "../components/button.tsx";
import { Segments, Select } from "../components/choice.tsx";
import { Code } from "../components/code.tsx";
import { accepted } from "../components/collect.tsx";
import { Dialog } from "../components/dialog.tsx";
import { type Fact, Facts } from "../components/facts.tsx";
import { PageFrame, Section } from "../components/page.tsx";
import { PagedList } from "../components/paged.tsx";
import { RunLink } from "../components/runs.tsx";
import { type Col, Table } from "../components/table.tsx";
import { When } from "../components/time.tsx";
import { Words } from "../components/words.tsx";
import { plural } from "../format/number.ts";
import { dateTime } from "../format/time.ts";
import { useList } from "../state/query.ts";
import { place, setQuery } from "../state/router.ts";
import { named } from "./runs.tsx";

const KINDS = [
  "config",
  "auth",
  "not_found",
  "rate_limited",
  "unavailable",
  "data",
  "corrupt",
  "conflict",
  "cancelled",
  "bug",
];

export function FailuresPage() {
  const { query } = place.value;
  const source = query.get("source") ?? "";
  const kind = query.get("kind") ?? "";
  const run = query.get("run") ?? "";
  const by = (query.get("by") ?? "reason") as GroupBy;
  const [open, setOpen] = useState<FailureView | undefined>();
  const sources = useList<SourceView>("/sources").data ?? [];
  return (
    <PageFrame title="Failures">
      <search class="filters">
        <Segments
          label="Group by"
          value={by}
          choose={(value) => setQuery({ by: value === "reason" ? undefined : value })}
          options={[
            { value: "reason", text: "By reason" },
            { value: "source", text: "By source" },
            { value: "kind", text: "By kind" },
          ]}
        />
        <Select
          label="Source"
          value={source}
          choose={(value) => setQuery({ source: value })}
          options={[{ value: "", text: "all" }, ...named(source, sources)]}
        />
        <Select
          label="Kind"
          value={kind}
          choose={(value) => setQuery({ kind: value })}
          options={[
            { value: "", text: "all" },
            ...KINDS.map((k) => ({ value: k, text: k.replace("_", " ") })),
          ]}
        />
        {run && (
          <span class="chip">
            run <RunLink id={run} />
            <button
              type="button"
              class="quiet square"
              aria-label="Show all runs"
              onClick={() => setQuery({ run: undefined })}
            >
              ×
            </button>
          </span>
        )}
      </search>
      <Section title="What went wrong">
        <PagedList<FailureGroup>
          path="/failures/groups"
          query={{ by, source, kind, run }}
          every={5000}
          withRuns
          size={25}
          id={groupId}
        >
          {(groups) => (
            <>
              {groups.length === 0 && <p class="empty">Nothing failed.</p>}
              <ul class="groups">
                {groups.map((group) => (
                  <Group key={groupId(group)} group={group} open={setOpen} />
                ))}
              </ul>
            </>
          )}
        </PagedList>
      </Section>
      <Section title="One by one">
        <PagedList<FailureView>
          path="/failures"
          query={{ source, kind, run }}
          every={5000}
          withRuns
          size={25}
          id={(failure) => failure.id + failure.run_id}
        >
          {(failures) => (
            <Table
              caption="Failures, newest first"
              cols={columns(setOpen)}
              rows={failures}
              id={(f) => f.id + f.run_id}
              empty="There are none."
            />
          )}
        </PagedList>
      </Section>
      {open && <FailureDialog failure={open} close={() => setOpen(undefined)} />}
    </PageFrame>
  );
}

/** What tells a group from all others. */
function groupId({ title, source, kind, stage }: FailureGroup): string {
  return [title, source, kind, stage].join("\n");
}

function Group({ group, open }: { group: FailureGroup; open(failure: FailureView): void }) {
  const newest = group.runs[0];
  return (
    <li class="group">
      <div class="group-count" title={plural(group.count, "failure")}>
        {group.count.toLocaleString("en")}
      </div>
      <div class="group-what">
        <h3>
          <Words text={group.title} />
        </h3>
        <p class="inline-facts">
          {group.kind && <Badge icon="alert" tone="bad" words={group.kind.replace("_", " ")} />}
          {group.source && <a href={`/sources/${encodeURIComponent(group.source)}`}>{group.source}</a>}
          {group.stage && <span>in {group.stage}</span>}
          <span>
            last <When at={group.last_at} />, first <When at={group.first_at} />
          </span>
          <span>{plural(group.runs.length, "run")}</span>
        </p>
      </div>
      <div class="actions">
        <button type="button" onClick={() => open(group.example)}>
          Look at one
        </button>
        {newest && (
          <Act
            icon="retry"
            label={`Retry run ${newest}`}
            act={async () => accepted(await operate.retry(newest))}
          >
            Retry its run
          </Act>
        )}
      </div>
    </li>
  );
}

function columns(open: (failure: FailureView) => void): Col<FailureView>[] {
  return [
    {
      title: "Reason",
      main: true,
      cell: (failure) => (
        <button type="button" class="link reason" onClick={() => open(failure)}>
          <span class="lines-3">
            <Words text={failure.reason} />
          </span>
        </button>
      ),
    },
    { title: "Source", cell: (failure) => failure.source },
    { title: "Kind", cell: (failure) => failure.kind.replace("_", " ") },
    { title: "Stage", extra: true, cell: (failure) => failure.stage },
    { title: "When", cell: (failure) => <When at={failure.at} /> },
    { title: "Run", cell: (failure) => <RunLink id={failure.run_id} /> },
  ];
}

function FailureDialog({ failure, close }: { failure: FailureView; close(): void }) {
  const retry = async () => {
    const answer = await operate.retry(failure.run_id);
    close();
    accepted(answer);
  };
  const rows: Fact[] = [
    ["Source", failure.source],
    ["Stream", failure.stream],
    ["Split", failure.split],
    ["Position", failure.position ?? "the whole split"],
    ["Stage", failure.stage],
    ["Kind", failure.kind.replace("_", " ")],
    ["When", dateTime(failure.at)],
    [
      "Run",
      <a key="run" href={`/runs/${encodeURIComponent(failure.run_id)}`} onClick={close}>
        {failure.run_id}
      </a>,
    ],
  ];
  return (
    <Dialog
      title="Failure"
      close={close}
      wide
      foot={
        <Act look="primary" icon="retry" act={retry}>
          Retry this run
        </Act>
      }
    >
      <p class="reason">
        <Words text={failure.reason} whole />
      </p>
      <Facts rows={rows} />
      {failure.payload === undefined ? (
        <p class="faint">Nothing of it was kept.</p>
      ) : (
        <Code label="What failed" text={failure.payload} />
      )}
    </Dialog>
  );
}
