import { operate } from "../api/client.ts";
import type { PauseView, SourceDetail, StreamQuality, StreamView } from "../api/types.ts";
import { HealthBadge, LevelBadge } from "../components/badge.tsx";
import { Budget } from "../components/budget.tsx";
import { Act } from "../components/button.tsx";
import { LastMissing } from "../components/gaps.tsx";
import { Hosts } from "../components/limits.tsx";
import { Loaded, Notice } from "../components/notice.tsx";
import { Figures, PageFrame, Section } from "../components/page.tsx";
import { RunTable } from "../components/runs.tsx";
import { NextRun, SourceActions } from "../components/schedule.tsx";
import { Settings } from "../components/settings.tsx";
import { type Col, Table } from "../components/table.tsx";
import { When } from "../components/time.tsx";
import { Words } from "../components/words.tsx";
import { compact, count, millis, percent, plural } from "../format/number.ts";
import { scheduleWords } from "../format/schedule.ts";
import { dateTime } from "../format/time.ts";
import { useQuery } from "../state/query.ts";

export function SourcePage({ name }: { name: string }) {
  const source = useQuery<SourceDetail>(`/sources/${encodeURIComponent(name)}`, {
    every: 2000,
    withRuns: true,
  });
  return (
    <PageFrame
      title={name}
      above={{ to: "/sources", text: "Sources" }}
      beside={source.data && <HealthBadge health={source.data.health} />}
      actions={source.data && <SourceActions source={source.data} refresh={source.refresh} />}
    >
      <Loaded query={source}>{(data) => <Body source={data} refresh={source.refresh} />}</Loaded>
    </PageFrame>
  );
}

function Body({ source, refresh }: { source: SourceDetail; refresh(): void }) {
  return (
    <>
      {source.error && !source.pause?.reason?.includes(source.error) && (
        <Notice tone="bad">
          <p>
            <Words text={source.error} />
          </p>
          <a href={`/failures?source=${encodeURIComponent(source.name)}`}>Look at its failures</a>
        </Notice>
      )}
      {source.pause?.reason && <Left source={source} pause={source.pause} refresh={refresh} />}
      <p class="inline-facts">
        <span>{source.type}</span>
        <span>priority {source.priority}</span>
        <span>lands in {source.destination}</span>
        {!source.enabled && <span class="warn-ink">collected only if named</span>}
      </p>
      <Numbers source={source} />
      <div class="pair">
        <Section title="Schedule">
          <Schedule source={source} />
        </Section>
        <Section title="Streams">
          <Table
            caption="Streams and the tables they land in"
            cols={STREAMS}
            rows={source.streams}
            id={(stream) => stream.name}
            empty="It has no streams."
          />
        </Section>
      </div>
      <Budget source={source} />
      <Section title="Configuration">
        <Settings source={source} />
      </Section>
      <LastMissing source={source} />
      <Section title="Hosts">
        <Hosts hosts={source.hosts} caption="Its hosts" empty="None was asked since the server started." />
      </Section>
      <Section title="Quality of the last run">
        <Quality streams={source.quality} />
      </Section>
      <Section
        title="Recent runs"
        beside={<a href={`/runs?source=${encodeURIComponent(source.name)}`}>All its runs</a>}
      >
        <RunTable runs={source.recent_runs} caption="Its last runs" empty="It has never been collected." />
      </Section>
    </>
  );
}

/** Why nothing is collected of it, and what can be done about it. */
function Left(props: { source: SourceDetail; pause: PauseView; refresh(): void }) {
  const { source, pause, refresh } = props;
  const resume = async () => {
    await operate.resume(source.name);
    refresh();
  };
  return (
    <Notice tone="warn">
      <p>
        <b>Paused by itself after failures:</b> <Words text={pause.reason ?? ""} />
      </p>
      <p>
        Since <When at={pause.since} />.{" "}
        {pause.next_probe_at ? (
          <>
            A request tries <When at={pause.next_probe_at} /> whether it answers again; then it goes on by
            itself.
          </>
        ) : (
          "It goes on when somebody says so."
        )}
      </p>
      <p>
        <a href={`/failures?source=${encodeURIComponent(source.name)}`}>Look at its failures</a>
      </p>
      <Act icon="play" act={resume}>
        Resume collecting
      </Act>
    </Notice>
  );
}

function Numbers({ source }: { source: SourceDetail }) {
  const { latency_p50_ms: p50, latency_p99_ms: p99, effective_concurrency: bears } = source;
  return (
    <Figures
      label="Figures of the source"
      figures={[
        {
          name: "Next run",
          value: <NextRun source={source} />,
          below: source.schedule ? scheduleWords(source.schedule.words) : "no schedule",
        },
        {
          name: "Last run",
          value: <When at={source.last_run?.finished_at ?? source.last_run?.started_at} none="never" />,
          below: source.last_records === undefined ? " " : plural(source.last_records, "record"),
        },
        {
          name: "Answers in",
          value: p50 === undefined ? "–" : millis(p50),
          below: p99 === undefined ? "not asked yet" : `99 of 100 in ${millis(p99)}`,
        },
        { name: "Requests", value: compact(source.requests), below: "since the server started" },
        {
          name: "At once",
          value: count(source.in_flight),
          below: bears === undefined ? "bears what is wanted" : `bears ${count(bears)}`,
        },
      ]}
    />
  );
}

function Schedule({ source }: { source: SourceDetail }) {
  const { schedule } = source;
  if (!schedule) return <p class="empty">It is collected on request only.</p>;
  const overlap = schedule.overlap === "queue" ? "the next run waits" : "the next run is left out";
  return (
    <>
      <p title={schedule.words}>
        {scheduleWords(schedule.words)}
        {schedule.paused && <span class="warn-ink"> · paused</span>}
      </p>
      <p class="faint">
        While it still runs, {overlap}. Last due <When at={schedule.last_due_at} none="never" />.
      </p>
      {source.upcoming.length > 0 && (
        <ol class="upcoming" aria-label="Next times">
          {source.upcoming.map((at) => (
            <li key={at}>
              {dateTime(at)}{" "}
              <span class="faint">
                <When at={at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

const STREAMS: Col<StreamView>[] = [
  { title: "Stream", main: true, cell: (stream) => <b>{stream.name}</b> },
  {
    title: "Table",
    cell: (stream) => <a href={`/data/${encodeURIComponent(stream.table)}`}>{stream.table}</a>,
  },
  { title: "Key", cell: (stream) => stream.primary_key.join(", ") || <span class="faint">none</span> },
  { title: "Writes", cell: (stream) => stream.write_mode },
  { title: "Grows by", cell: (stream) => stream.cursor_field ?? <span class="faint">–</span> },
];

function Quality({ streams }: { streams: StreamQuality[] }) {
  if (streams.length === 0) return <p class="empty">Nothing was measured.</p>;
  return (
    <div class="quality">
      {streams.map((stream) => (
        <article key={stream.stream}>
          <h3>{stream.stream}</h3>
          <p class="faint">
            {count(stream.looked_at)} of {plural(stream.records, "record")} looked at
          </p>
          {(stream.schemas ?? []).map((schema) => (
            <div key={schema.schema}>
              <p>
                The schema <b>{schema.schema}</b> refuses {count(schema.invalid)} of{" "}
                {plural(schema.valid + schema.invalid, "record")}.
              </p>
              <ul>
                {(schema.reasons ?? []).map((reason) => (
                  <li key={reason.rule}>
                    {count(reason.count)} × <span class="mono">{reason.rule}</span>: {reason.example}
                  </li>
                ))}
              </ul>
            </div>
          ))}
          <ul class="findings">
            {stream.findings.map((finding) => (
              <li key={`${finding.check}${finding.field}${finding.message}`}>
                <LevelBadge level={finding.level} />
                <span>
                  {finding.field && <b>{finding.field}: </b>}
                  {finding.message}{" "}
                  <span class="faint">
                    {finding.check}, {count(finding.count)}
                    {finding.fails && ", fails the run"}
                  </span>
                </span>
              </li>
            ))}
            {stream.findings.length === 0 && <li class="faint">Nothing was found.</li>}
          </ul>
          <details>
            <summary>{plural(stream.fields.length, "field")}</summary>
            <Table
              caption={`Fields of ${stream.stream}`}
              rows={stream.fields}
              id={(field) => field.name}
              cols={[
                { title: "Field", main: true, cell: (field) => <span class="mono">{field.name}</span> },
                {
                  title: "There",
                  number: true,
                  cell: (field) => percent(1 - field.missing / Math.max(1, stream.looked_at)),
                },
                { title: "Missing", number: true, cell: (field) => count(field.missing) },
                { title: "Invalid", number: true, cell: (field) => count(field.invalid) },
              ]}
            />
          </details>
        </article>
      ))}
    </div>
  );
}
