import { useMemo } from "preact/hooks";
import type { ResourceSample, Resources } from "../api/types.ts";
import { Chart } from "../components/chart.tsx";
import { Hosts, Pools } from "../components/limits.tsx";
import { Loaded } from "../components/notice.tsx";
import { Figures, PageFrame, Section } from "../components/page.tsx";
import { bytes, count, percent } from "../format/number.ts";
import { useQuery } from "../state/query.ts";

export function ResourcesPage() {
  const resources = useQuery<Resources>("/resources", { every: 2000 });
  return (
    <PageFrame title="Resources">
      <Loaded query={resources}>{(data) => <Body resources={data} />}</Loaded>
    </PageFrame>
  );
}

const rateOf = (value: number) => `${bytes(value)}/s`;
const processors = (value: number) => value.toFixed(2);

const CHARTS: {
  heading: string;
  title: string;
  key: Exclude<keyof ResourceSample, "at">;
  format(value: number): string;
  colour: string;
  binary?: boolean;
}[] = [
  {
    heading: "Processor",
    title: "Processors in use",
    key: "processors",
    format: processors,
    colour: "--chart-1",
  },
  {
    heading: "Memory",
    title: "Memory held",
    key: "memory_bytes",
    format: bytes,
    colour: "--chart-2",
    binary: true,
  },
  {
    heading: "Network",
    title: "Received by collecting",
    key: "received_bytes_per_s",
    format: rateOf,
    colour: "--chart-3",
    binary: true,
  },
  {
    heading: "Files",
    title: "Open file descriptors",
    key: "file_descriptors",
    format: count,
    colour: "--chart-4",
  },
];

function Body({ resources }: { resources: Resources }) {
  const { samples } = resources;
  const at = useMemo(() => samples.map((sample) => sample.at), [samples]);
  const values = useMemo(() => CHARTS.map(({ key }) => samples.map((sample) => sample[key])), [samples]);
  return (
    <>
      <Now resources={resources} last={samples.at(-1)} />
      <div class="charts">
        {CHARTS.map(({ heading, key, ...chart }, nth) => (
          <Section key={key} title={heading}>
            <Chart {...chart} at={at} values={values[nth] ?? []} />
          </Section>
        ))}
      </div>
      <Section title="Pools">
        <Pools pools={resources.pools} />
      </Section>
      <Section title="Hosts">
        <Hosts hosts={resources.hosts} caption="The hosts that were asked most" empty="None was asked yet." />
      </Section>
    </>
  );
}

function Now({ resources, last }: { resources: Resources; last: ResourceSample | undefined }) {
  const total = resources.memory_total_bytes;
  const most = resources.file_descriptors_max;
  return (
    <Figures
      label="What the process uses now"
      figures={[
        {
          name: "Processors",
          value: processors(last?.processors ?? 0),
          below: `of ${resources.processors}`,
        },
        {
          name: "Memory",
          value: bytes(last?.memory_bytes ?? 0),
          below: total ? `${percent((last?.memory_bytes ?? 0) / total)} of ${bytes(total)}` : " ",
        },
        { name: "Most memory", value: bytes(resources.memory_peak_bytes), below: "since the start" },
        { name: "Network", value: rateOf(last?.received_bytes_per_s ?? 0), below: "received" },
        {
          name: "Files",
          value: count(last?.file_descriptors ?? 0),
          below: most === undefined ? "open" : `of ${count(most)} at most`,
        },
        { name: "Tasks", value: count(last?.tasks ?? 0), below: "of collecting" },
      ]}
    />
  );
}
