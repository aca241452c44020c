import type { Gap, Gaps, RunDetail, SourceDetail } from "../api/types.ts";
import { count, plural } from "../format/number.ts";
import { useQuery } from "../state/query.ts";
import { Section } from "./page.tsx";
import { type Col, Table } from "./table.tsx";

const COLS: Col<Gap>[] = [
  { title: "Files of", main: true, cell: ({ of, refused }) => <b>{refused ? `${of} (refused)` : of}</b> },
  { title: "From", cell: ({ from }) => from ?? <span class="faint">–</span> },
  { title: "To", cell: ({ to }) => to ?? <span class="faint">–</span> },
  { title: "Files", number: true, cell: ({ files }) => count(files) },
];

/** Files that a source was asked for and that are not there: how many, and the first of them with their time. */
export function MissingFiles({ gaps, source }: { gaps: Gaps; source: string }) {
  const told = gaps.gaps ?? [];
  const more = gaps.files - told.reduce((files, gap) => files + gap.files, 0);
  if (gaps.files === 0) return <p class="empty">Nothing that was asked for is missing.</p>;
  return (
    <>
      <p>
        {gaps.files === 1 ? "One file that was" : `${plural(gaps.files, "file")} that were`} asked for{" "}
        {gaps.files === 1 ? "is" : "are"} not there.
      </p>
      <Table
        caption={`Files of ${source} that are not there`}
        cols={COLS}
        rows={told}
        id={({ of, from }) => `${of} ${from ?? ""}`}
      />
      {more > 0 && <p class="faint">And {count(more)} more.</p>}
    </>
  );
}

/** What the last run of a source has missed; nothing if it cannot tell. */
export function LastMissing({ source }: { source: SourceDetail }) {
  const id = source.last_run?.id;
  const run = useQuery<RunDetail>(id === undefined ? null : `/runs/${encodeURIComponent(id)}`);
  const gaps = run.data?.report?.sources.find((each) => each.name === source.name)?.gaps;
  if (!gaps) return null;
  return (
    <Section title="Missing files">
      <MissingFiles gaps={gaps} source={source.name} />
    </Section>
  );
}
