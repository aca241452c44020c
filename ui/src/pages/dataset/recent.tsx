import { useMemo, useState } from "preact/hooks";
import type { DatasetRecord, DatasetSchema, DatasetView } from "../../api/types.ts";
import { datasetPath } from "../../api/views.ts";
import { Select } from "../../components/choice.tsx";
import { Groups } from "../../components/groups.tsx";
import { Icon } from "../../components/icon.tsx";
import { LABELS, MoodBadge } from "../../components/mood.tsx";
import { Section } from "../../components/page.tsx";
import { PagedList } from "../../components/paged.tsx";
import { SearchField } from "../../components/search.tsx";
import { When } from "../../components/time.tsx";
import { WholeRecord } from "../../components/whole-record.tsx";
import { momentOf } from "../../format/moment.ts";
import { compact } from "../../format/number.ts";
import { addressOf, keyColumns, nameOf } from "../../format/record.ts";
import { place, setQuery } from "../../state/router.ts";

const SINCE: Record<string, { text: string; hours: number }> = {
  "1h": { text: "the last hour", hours: 1 },
  "24h": { text: "the last 24 hours", hours: 24 },
  "7d": { text: "the last 7 days", hours: 168 },
};

interface Props {
  schema: DatasetSchema;
  view: DatasetView;
}

/** The newest rows, as they come. */
export function RecentTab({ schema, view }: Props) {
  const { query } = place.value;
  const group = query.get("group") ?? "";
  const label = query.get("label") ?? "";
  const words = query.get("q") ?? "";
  const within = query.get("since") ?? "";
  const [open, setOpen] = useState<DatasetRecord | undefined>();
  // A moment that moved with the clock would be another question each second.
  const since = useMemo(() => moment(SINCE[within]?.hours), [within]);
  const keys = keyColumns(schema.columns);
  const idOf = (record: DatasetRecord) =>
    JSON.stringify(keys.length > 0 ? keys.map((key) => record[key]) : record);
  return (
    <Section title="Newest first" beside={<span class="faint">new ones appear by themselves</span>}>
      <search class="filters">
        <SearchField
          label="Words"
          value={words}
          placeholder={view.text.join(", ")}
          find={(text) => setQuery({ q: text })}
        />
        {view.group_by && (
          <Groups
            dataset={schema.name}
            column={view.group_by}
            value={group}
            choose={(value) => setQuery({ group: value })}
          />
        )}
        {view.sentiment && (
          <Select
            label="Sentiment"
            value={label}
            choose={(value) => setQuery({ label: value })}
            options={[
              all,
              ...[...LABELS].reverse().map((value) => ({ value: value as string, text: value })),
            ]}
          />
        )}
        <Select
          label="Since"
          value={within}
          choose={(value) => setQuery({ since: value })}
          options={[
            { value: "", text: "any time" },
            ...Object.entries(SINCE).map(([value, { text }]) => ({ value, text })),
          ]}
        />
      </search>
      <PagedList<DatasetRecord>
        path={datasetPath(schema.name, "recent")}
        query={{ group, label, q: words, since }}
        every={5000}
        withRuns
        size={30}
        id={idOf}
      >
        {(records, more) =>
          records.length === 0 ? (
            <p class="empty">{more ? "None among the newest rows." : "No row is like that."}</p>
          ) : (
            <ul class="posts">
              {records.map((record) => (
                <Post key={idOf(record)} record={record} view={view} open={() => setOpen(record)} />
              ))}
            </ul>
          )
        }
      </PagedList>
      {open && <WholeRecord record={open} view={view} close={() => setOpen(undefined)} />}
    </Section>
  );
}

const all = { value: "", text: "all" };

function moment(hours: number | undefined): string | undefined {
  return hours === undefined ? undefined : new Date(Date.now() - hours * 3_600_000).toISOString();
}

function Post({ record, view, open }: { record: DatasetRecord; view: DatasetView; open(): void }) {
  const [, second] = view.text;
  const body = second ? record[second] : undefined;
  const address = addressOf(record);
  const score = view.score ? record[view.score] : undefined;
  const name = nameOf(record, view.text);
  return (
    <li class="post">
      <div class="post-head">
        <h3>
          <button type="button" class="link" onClick={open}>
            {name}
          </button>
        </h3>
        {view.sentiment && (
          <MoodBadge
            label={record[`${view.sentiment}_label`]}
            compound={record[`${view.sentiment}_compound`]}
          />
        )}
      </div>
      {typeof body === "string" && body.trim() && body !== name && <p class="post-text">{body}</p>}
      <p class="inline-facts">
        {view.group_by && <b>{String(record[view.group_by] ?? "–")}</b>}
        <When at={momentOf(record[view.time])} />
        {typeof score === "number" && (
          <span>
            {view.score} {compact(score)}
          </span>
        )}
        {address && (
          <a
            href={address}
            target="_blank"
            rel="noreferrer noopener"
            aria-label={`Open where it is from: ${name}`}
          >
            <Icon name="link" /> open
          </a>
        )}
      </p>
    </li>
  );
}
