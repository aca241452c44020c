import { useMemo, useState } from "preact/hooks";
import { type Episode, keyText } from "../../api/history.ts";
import type { DatasetSchema } from "../../api/types.ts";
import { datasetPath } from "../../api/views.ts";
import { Badge } from "../../components/badge.tsx";
import { Act } from "../../components/button.tsx";
import { ChangeList, changeLook } from "../../components/changes.tsx";
import { Chart } from "../../components/chart.tsx";
import { Dialog } from "../../components/dialog.tsx";
import type { Look } from "../../components/look.ts";
import { Section } from "../../components/page.tsx";
import { PagedList } from "../../components/paged.tsx";
import { RunLink, shortId } from "../../components/runs.tsx";
import { When } from "../../components/time.tsx";
import { count, plural } from "../../format/number.ts";
import { keyWords } from "../../format/record.ts";
import { dateTime } from "../../format/time.ts";
import { undo } from "../../state/edits.ts";

/** Longer lists of rows are told by their number. */
const KEYS = 5;

/** Which changes are looked at. */
type Asked = { title: string; query: { run?: string; key?: string } };

/** What runs and people did to the rows, in one line of time. */
export function HistoryTab({ schema }: { schema: DatasetSchema }) {
  const [asked, setAsked] = useState<Asked | undefined>();
  return (
    <>
      <PagedList<Episode>
        path={datasetPath(schema.name, "history")}
        query={{}}
        every={5000}
        withRuns
        size={50}
        id={idOf}
      >
        {(entries) => (
          <>
            {entries.length > 1 && (
              <Section title="Number of rows">
                <Counts entries={entries} />
              </Section>
            )}
            <Section title="Runs and edits" beside={<span class="faint">newest first</span>}>
              {entries.length === 0 && <p class="empty">Nothing was collected or edited yet.</p>}
              <ol class="timeline">
                {entries.map((entry) => (
                  <Entry key={idOf(entry)} entry={entry} dataset={schema.name} ask={setAsked} />
                ))}
              </ol>
            </Section>
          </>
        )}
      </PagedList>
      {asked && (
        <Dialog title={asked.title} close={() => setAsked(undefined)} wide>
          <ChangeList
            dataset={schema.name}
            query={asked.query}
            title="Changes, newest first"
            empty="No row was changed."
          />
        </Dialog>
      )}
    </>
  );
}

function idOf(entry: Episode): string {
  return String(entry.change);
}

function Counts({ entries }: { entries: Episode[] }) {
  const series = useMemo(() => {
    const oldestFirst = [...entries].reverse();
    return { at: oldestFirst.map((entry) => entry.at), values: oldestFirst.map((entry) => entry.count) };
  }, [entries]);
  return (
    <Chart
      title="Rows after each run and edit"
      {...series}
      format={count}
      colour="--chart-2"
      stepped
      when={dateTime}
    />
  );
}

interface EntryProps {
  entry: Episode;
  dataset: string;
  ask(asked: Asked): void;
}

function Entry({ entry, dataset, ask }: EntryProps) {
  const { run, action } = entry;
  const look = LOOKS[entry.kind] ?? changeLook(action ?? "");
  return (
    <li>
      <Badge {...look} />
      <div>
        <p>{entry.kind === "edit" ? <EditWords entry={entry} ask={ask} /> : <SourceWords entry={entry} />}</p>
        <p class="inline-facts">
          <When at={entry.at} />
          <span>{plural(entry.count, "row")} then</span>
        </p>
      </div>
      {run !== undefined && changed(entry) !== "" && (
        <button
          type="button"
          class="quiet"
          onClick={() => ask({ title: `Run ${shortId(run)}`, query: { run } })}
        >
          What changed
        </button>
      )}
      {entry.kind === "edit" && entry.undone_by === undefined && (
        <Act icon="undo" look="quiet" act={() => undo(dataset, entry.change)}>
          Undo
        </Act>
      )}
    </li>
  );
}

/** What is no edit. */
const LOOKS: Partial<Record<Episode["kind"], Look>> = {
  run: { icon: "runs", tone: "info", words: "run" },
  retention: { icon: "clock", tone: "calm", words: "retention" },
};

/** How many rows came, changed and went; nothing if none did. */
function changed({ inserted, updated, removed }: Episode): string {
  const parts = [
    inserted > 0 && `${count(inserted)} added`,
    updated > 0 && `${count(updated)} changed`,
    removed > 0 && `${count(removed)} removed`,
  ];
  return parts.filter(Boolean).join(", ");
}

function SourceWords({ entry }: { entry: Episode }) {
  return (
    <>
      <b>{entry.source}</b>: {changed(entry) || "nothing new"} {entry.run && <RunLink id={entry.run} />}
      {entry.status && entry.status !== "completed" && ` (${entry.status})`}
    </>
  );
}

function EditWords({ entry, ask }: { entry: Episode; ask(asked: Asked): void }) {
  const keys = entry.keys ?? [];
  const rows = entry.inserted + entry.updated + entry.removed;
  const rest = rows - Math.min(keys.length, KEYS);
  return (
    <>
      <b>{entry.who}</b>
      {entry.undoes === undefined ? ": " : " took an edit back: "}
      {changed(entry) || "nothing"}
      {keys.length > 0 && " · "}
      {keys.slice(0, KEYS).map((key, at) => {
        const words = keyWords(key);
        return (
          <span key={words}>
            {at > 0 && ", "}
            <button
              type="button"
              class="link mono"
              onClick={() => ask({ title: words, query: { key: keyText(key) } })}
            >
              {words}
            </button>
          </span>
        );
      })}
      {keys.length > 0 && rest > 0 && ` and ${rest} more`}
      {entry.undone_by !== undefined && <span class="faint"> · undone since</span>}
    </>
  );
}
