import type { ComponentChildren } from "preact";
import type { DatasetSchema } from "../api/types.ts";
import { datasetPath } from "../api/views.ts";
import { Export } from "../components/export.tsx";
import { Loaded } from "../components/notice.tsx";
import { PageFrame } from "../components/page.tsx";
import { type Tab, Tabs } from "../components/tabs.tsx";
import { bytes, plural } from "../format/number.ts";
import { useQuery } from "../state/query.ts";
import { place } from "../state/router.ts";
import { DiffTab } from "./dataset/diff.tsx";
import { GridTab } from "./dataset/grid.tsx";
import { HistoryTab } from "./dataset/history.tsx";
import { RecentTab } from "./dataset/recent.tsx";
import { RecordsTab } from "./dataset/records.tsx";
import { SentimentTab } from "./dataset/sentiment.tsx";
import { TrendingTab } from "./dataset/trending.tsx";

interface Shown extends Tab {
  show(schema: DatasetSchema): ComponentChildren;
}

export function DatasetPage({ name }: { name: string }) {
  const path = `/data/${encodeURIComponent(name)}`;
  const schema = useQuery<DatasetSchema>(datasetPath(name), { withRuns: true });
  return (
    <PageFrame title={name} above={{ to: "/data", text: "Data" }} actions={<Export dataset={name} />}>
      <Loaded query={schema}>
        {(data) => {
          const tabs = tabsOf(data);
          const asked = place.value.query.get("tab");
          const shown = tabs.find((tab) => tab.name === asked) ?? tabs[0];
          return (
            <>
              <About schema={data} />
              {tabs.length > 1 && shown && (
                <Tabs label={`Views of ${name}`} path={path} tabs={tabs} chosen={shown.name} />
              )}
              {shown?.show(data)}
            </>
          );
        }}
      </Loaded>
    </PageFrame>
  );
}

/** What a table can show: its rows always, the rest if it was configured for it. */
function tabsOf({ view, history }: DatasetSchema): Shown[] {
  const tabs: Shown[] = [];
  if (view) {
    tabs.push({
      name: "recent",
      text: "Recent",
      icon: "clock",
      show: (data) => <RecentTab schema={data} view={view} />,
    });
    if (view.sentiment) {
      tabs.push({
        name: "sentiment",
        text: "Sentiment",
        icon: "smile",
        show: (data) => <SentimentTab dataset={data.name} view={view} />,
      });
    }
    tabs.push({
      name: "trending",
      text: "Trending",
      icon: "trending",
      show: (data) => <TrendingTab schema={data} view={view} />,
    });
  }
  if (!history) {
    tabs.push({
      name: "records",
      text: "Records",
      icon: "columns",
      show: (data) => <RecordsTab schema={data} />,
    });
    return tabs;
  }
  tabs.push(
    { name: "grid", text: "Grid", icon: "columns", show: (data) => <GridTab schema={data} /> },
    { name: "history", text: "History", icon: "history", show: (data) => <HistoryTab schema={data} /> },
    { name: "diff", text: "Diff", icon: "compare", show: (data) => <DiffTab schema={data} /> },
  );
  return tabs;
}

function About({ schema }: { schema: DatasetSchema }) {
  return (
    <p class="inline-facts">
      <span>{plural(schema.rows, "row")}</span>
      {schema.bytes !== undefined && <span>{bytes(schema.bytes)}</span>}
      <span>{schema.destination}</span>
      {schema.sources.length > 0 && (
        <span>
          of{" "}
          {schema.sources.map((source, at) => (
            <span key={source}>
              {at > 0 && ", "}
              <a href={`/sources/${encodeURIComponent(source)}`}>{source}</a>
            </span>
          ))}
        </span>
      )}
    </p>
  );
}
