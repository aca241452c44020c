import { useState } from "preact/hooks";
import { withQuery } from "../../api/client.ts";
import type { DatasetRecord, DatasetSchema, DatasetView } from "../../api/types.ts";
import { datasetPath, type Trending, type TrendingRecord, type TrendingTerm } from "../../api/views.ts";
import { Loaded } from "../../components/notice.tsx";
import { Section } from "../../components/page.tsx";
import { type Rank, Ranked } from "../../components/ranked.tsx";
import { When } from "../../components/time.tsx";
import { WholeRecord } from "../../components/whole-record.tsx";
import { momentOf } from "../../format/moment.ts";
import { growth } from "../../format/mood.ts";
import { compact, count, rate } from "../../format/number.ts";
import { nameOf } from "../../format/record.ts";
import { TRENDING_WINDOWS, windowOf } from "../../format/windows.ts";
import { useQuery } from "../../state/query.ts";
import { place } from "../../state/router.ts";
import { WindowFilters } from "./window-filters.tsx";

interface Props {
  schema: DatasetSchema;
  view: DatasetView;
}

/** What grows fast: rows by their score per hour, words by their own past. */
export function TrendingTab({ schema, view }: Props) {
  const { query } = place.value;
  const window = windowOf(query.get("window"), TRENDING_WINDOWS);
  const group = query.get("group") ?? "";
  const [open, setOpen] = useState<DatasetRecord | undefined>();
  const trending = useQuery<Trending>(
    withQuery(datasetPath(schema.name, "trending"), { window, group, limit: 20 }),
    { every: 15_000, withRuns: true },
  );
  return (
    <>
      <WindowFilters
        dataset={schema.name}
        view={view}
        window={window}
        windows={TRENDING_WINDOWS}
        group={group}
      />
      <Loaded query={trending}>
        {(data) => (
          <div class="pair">
            {view.score && (
              <Section title="Records" beside={<span class="faint">by {view.score} per hour</span>}>
                <Ranked
                  label={`Records by ${view.score} per hour`}
                  ranks={data.records.map((each) => recordRank(view, each, setOpen))}
                  empty="Nothing has grown in this time."
                />
              </Section>
            )}
            {view.text.length > 0 && (
              <Section title="Terms" beside={<span class="faint">against their own past</span>}>
                <Ranked
                  label="Terms by their growth"
                  ranks={data.terms.map((each) => termRank(each, group))}
                  empty="No term is used more than it was."
                />
              </Section>
            )}
          </div>
        )}
      </Loaded>
      {open && <WholeRecord record={open} view={view} close={() => setOpen(undefined)} />}
    </>
  );
}

function recordRank(
  view: DatasetView,
  { record, velocity }: TrendingRecord,
  open: (record: DatasetRecord) => void,
): Rank {
  const { score, group_by: group } = view;
  const total = score ? record[score] : undefined;
  return {
    id: JSON.stringify(record),
    what: (
      <button type="button" class="link" onClick={() => open(record)}>
        {nameOf(record, view.text)}
      </button>
    ),
    facts: (
      <>
        {group && <b>{String(record[group] ?? "–")}</b>}
        <When at={momentOf(record[view.time])} />
        {typeof total === "number" && (
          <span>
            {score} {compact(total)}
          </span>
        )}
      </>
    ),
    value: velocity,
    text: rate(velocity),
  };
}

function termRank(each: TrendingTerm, group: string): Rank {
  const { term, before } = each;
  const past = before > 0 && before < 9.95 ? before.toFixed(1) : count(before);
  return {
    id: term,
    what: <a href={withQuery(place.value.path, { tab: "recent", q: term, group })}>{term}</a>,
    facts: <span>usually {past}</span>,
    value: each.count,
    text: count(each.count),
    end: growth(each.count, before),
  };
}
