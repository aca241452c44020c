import { operate } from "../api/client.ts";
import type { SourceView } from "../api/types.ts";
import { Act } from "./button.tsx";
import { accepted } from "./collect.tsx";
import { When } from "./time.tsx";

/** When a source is collected next, in a few words. */
export function NextRun({ source }: { source: SourceView }) {
  if (source.running) return <a href={`/runs/${encodeURIComponent(source.running)}`}>running now</a>;
  if (source.pause?.reason) return <span class="warn-ink">paused after failures</span>;
  if (!source.schedule) return <span class="faint">on request</span>;
  if (source.schedule.paused) return <span class="warn-ink">paused</span>;
  return <When at={source.schedule.next_at} />;
}

/** What can be done with a source. */
export function SourceActions(props: { source: SourceView; refresh(): void; small?: boolean }) {
  const { source, refresh } = props;
  const small = props.small ?? false;
  // By itself, after failures; its page says why, with a button of its own.
  const left = source.pause?.reason !== undefined;
  const paused = source.schedule?.paused || source.pause !== undefined;
  const words = left ? "Resume collecting" : paused ? "Resume schedule" : "Pause schedule";
  const act = async (what: (name: string) => Promise<unknown>) => {
    await what(source.name);
    refresh();
  };
  return (
    <span class="actions">
      <Act
        icon="play"
        look={small ? "quiet" : "primary"}
        square={small}
        label={`Collect ${source.name} now`}
        disabled={source.running !== undefined}
        act={async () => accepted(await operate.collectSource(source.name))}
      >
        {small ? null : "Collect now"}
      </Act>
      {(left ? small : source.schedule || source.pause) && (
        <Act
          icon={paused ? "clock" : "pause"}
          look={small ? "quiet" : ""}
          square={small}
          label={`${words} of ${source.name}`}
          act={() => act(paused ? operate.resume : operate.pause)}
        >
          {small ? null : words}
        </Act>
      )}
    </span>
  );
}
