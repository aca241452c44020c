import { useState } from "preact/hooks";
import { operate } from "../api/client.ts";
import type { Accepted, Estimate, SourceView } from "../api/types.ts";
import { money } from "../format/money.ts";
import { count, plural } from "../format/number.ts";
import { scheduleWords } from "../format/schedule.ts";
import { go } from "../state/router.ts";
import { toast } from "../state/toast.ts";
import { Act } from "./button.tsx";
import { Check } from "./choice.tsx";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icon.tsx";

/** Says what became of a request to collect, and shows the run. */
export function accepted(answer: Accepted): void {
  for (const estimate of answer.estimates ?? []) toast({ tone: "info", text: estimateWords(estimate) });
  const to = `/runs/${encodeURIComponent(answer.run_id)}`;
  if (answer.state === "queued") {
    toast({
      tone: "info",
      text: answer.waits_for ? "Queued behind a run of one of its sources." : "Queued.",
      link: { to, text: "Show the run" },
    });
  } else {
    go(to);
  }
}

/** What a run is expected to take of a source's budget. */
function estimateWords({ source, requests, cost, allowed }: Estimate): string {
  if (requests === undefined) {
    const most = allowed === undefined ? "" : `; its budget allows ${count(allowed)}`;
    return `${source}: how many requests it takes is not known before a first run is complete${most}.`;
  }
  const price = cost === undefined ? "" : `, ${money(cost)}`;
  const most = allowed === undefined ? "" : ` of ${count(allowed)} that its budget allows`;
  return `${source}: about ${plural(requests, "request")}${most}${price}.`;
}

/** The button that asks what to collect, and collects it. */
export function Collect({ sources }: { sources: SourceView[] }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="primary" onClick={() => setOpen(true)}>
        <Icon name="play" />
        Collect …
      </button>
      {open && <CollectDialog sources={sources} close={() => setOpen(false)} />}
    </>
  );
}

/** How a source is configured, in a few words. */
function about({ type, preset, schedule, enabled }: SourceView): string {
  const parts = [
    type,
    preset && `preset ${preset}`,
    schedule && scheduleWords(schedule.words),
    !enabled && "only if named",
  ];
  return parts.filter(Boolean).join(" · ");
}

function CollectDialog({ sources, close }: { sources: SourceView[]; close(): void }) {
  const enabled = sources.filter((source) => source.enabled).map((source) => source.name);
  const [chosen, setChosen] = useState(new Set(enabled));
  const [full, setFull] = useState(false);
  const [limit, setLimit] = useState("");
  const all = chosen.size === enabled.length && enabled.every((name) => chosen.has(name));
  const toggle = (name: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(name);
    else next.delete(name);
    setChosen(next);
  };
  const start = async () => {
    const most = Number.parseInt(limit, 10);
    const answer = await operate.collect({
      // None means all that are enabled, also those that come with the next configuration.
      sources: all ? [] : sources.map((source) => source.name).filter((name) => chosen.has(name)),
      full_refresh: full,
      ...(most > 0 ? { limit: most } : {}),
    });
    close();
    accepted(answer);
  };
  return (
    <Dialog
      title="Collect now"
      close={close}
      foot={
        <>
          <button type="button" onClick={close}>
            Cancel
          </button>
          <Act look="primary" icon="play" disabled={chosen.size === 0} act={start}>
            {all ? "Collect all" : `Collect ${chosen.size}`}
          </Act>
        </>
      }
    >
      <fieldset class="checks">
        <legend>Sources</legend>
        <Check checked={all} set={(on) => setChosen(new Set(on ? enabled : []))}>
          <b>All that are enabled</b>
        </Check>
        {sources.map((source) => (
          <Check key={source.name} checked={chosen.has(source.name)} set={(on) => toggle(source.name, on)}>
            {source.name} <span class="faint">{about(source)}</span>
          </Check>
        ))}
      </fieldset>
      <fieldset class="checks">
        <legend>How</legend>
        <Check checked={full} set={setFull}>
          Read everything again, not only what is new
        </Check>
        <label class="inline">
          At most
          <input
            type="number"
            min={1}
            step={1}
            inputMode="numeric"
            placeholder="all"
            value={limit}
            onInput={(event) => setLimit(event.currentTarget.value)}
          />
          records of each stream
        </label>
      </fieldset>
    </Dialog>
  );
}
