import { withQuery } from "../api/client.ts";
import type { FailureGroup, Page, RunDetail } from "../api/types.ts";
import { type Part, StackedBar } from "../components/bar.tsx";
import { Section } from "../components/page.tsx";
import { type Col, Table } from "../components/table.tsx";
import { Words } from "../components/words.tsx";
import { byType, type FailureSide, type FailureType, sideOf } from "../format/failure.ts";
import { count } from "../format/number.ts";
import { useQuery } from "../state/query.ts";

const SIDES: { side: FailureSide; name: string; look: string }[] = [
  { side: "api", name: "API: what was asked for did not come", look: "part-2" },
  { side: "parse", name: "parse: what came is not what it should be", look: "part-1" },
  { side: "write", name: "write: the destination does not take it", look: "part-4" },
];

/** As many groups as the server gives at once. */
const MOST = 1000;

/** What failed in a run, by type. */
export function RunFailures({ run }: { run: RunDetail }) {
  const ask = { by: "reason", run: run.id, limit: MOST };
  const groups = useQuery<Page<FailureGroup>>(
    run.totals.failures === 0 ? null : withQuery("/failures/groups", ask),
    { every: run.live ? 3000 : undefined, withRuns: true },
  );
  const types = byType(groups.data?.items ?? []);
  if (types.length === 0) return null;
  const parts = SIDES.map(({ side, ...look }): Part => {
    const mine = types.filter((type) => sideOf(type.stage) === side);
    return { ...look, value: mine.reduce((sum, type) => sum + type.count, 0) };
  }).filter((part) => part.value > 0);
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
        <Table
          caption="Failures of this run by kind and stage"
          cols={columns(run.id)}
          rows={types}
          id={(type) => `${type.kind} ${type.stage}`}
        />
      </div>
    </Section>
  );
}

function columns(run: string): Col<FailureType>[] {
  return [
    {
      title: "Kind",
      main: true,
      cell: ({ kind }) => <a href={withQuery("/failures", { run, kind })}>{kind.replaceAll("_", " ")}</a>,
    },
    { title: "Type", cell: ({ stage }) => sideOf(stage) },
    { title: "Stage", cell: ({ stage }) => stage },
    { title: "How many", number: true, cell: (type) => count(type.count) },
    { title: "For example", extra: true, cell: ({ example }) => <Words text={example} /> },
  ];
}
