import { withQuery } from "../api/client.ts";
import type { FailureGroup, RunDetail } from "../api/types.ts";
import { type Part, StackedBar } from "../components/bar.tsx";
import { Section } from "../components/page.tsx";
import { type Col, Table } from "../components/table.tsx";
import { Words } from "../components/words.tsx";
import { type FailureSide, sideOf } from "../format/failure.ts";
import { count, plural } from "../format/number.ts";
import { useQuery } from "../state/query.ts";

const SIDES: Record<FailureSide, { name: string; look: string }> = {
  api: { name: "API: what was asked for did not come", look: "part-2" },
  parse: { name: "parse: what came is not what it should be", look: "part-1" },
  write: { name: "write: the destination does not take it", look: "part-4" },
};

/** What failed in a run, by type. */
export function RunFailures({ run }: { run: RunDetail }) {
  const groups = useQuery<FailureGroup[]>(
    run.totals.failures === 0 ? null : withQuery("/failures/groups", { by: "kind", run: run.id }),
    { every: run.live ? 3000 : undefined, withRuns: true },
  );
  const data = groups.data ?? [];
  if (data.length === 0) return null;
  const total = (side: FailureSide) =>
    data.filter((group) => sideOf(group) === side).reduce((sum, group) => sum + group.count, 0);
  const parts = Object.entries(SIDES)
    .map(([side, look]): Part => ({ ...look, value: total(side as FailureSide) }))
    .filter((part) => part.value > 0);
  return (
    <Section
      title="Failures by type"
      beside={<a href={`/failures?run=${encodeURIComponent(run.id)}`}>Look at them</a>}
    >
      <div class="spent">
        <StackedBar parts={parts} label="Failures by type" words={(part) => count(part.value)} />
        <dl class="legend">
          {parts.map((part) => (
            <div key={part.name}>
              <dt>
                <span class={`swatch ${part.look}`} />
                {part.name}
              </dt>
              <dd>{count(part.value)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <Table
        caption="Failures of this run by kind"
        cols={columns(run.id)}
        rows={data}
        id={(group) => group.title}
      />
    </Section>
  );
}

function columns(run: string): Col<FailureGroup>[] {
  return [
    {
      title: "Kind",
      main: true,
      cell: ({ kind, title, count: number }) => (
        <a
          href={withQuery("/failures", { run, kind: kind ?? title })}
          title={`Look at ${plural(number, "failure")}`}
        >
          {(kind ?? title).replaceAll("_", " ")}
        </a>
      ),
    },
    { title: "Type", cell: (group) => sideOf(group) },
    { title: "Stage", cell: (group) => group.stage ?? "several" },
    { title: "How many", number: true, cell: (group) => count(group.count) },
    { title: "For example", extra: true, cell: (group) => <Words text={group.example.reason} /> },
  ];
}
