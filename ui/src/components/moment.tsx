import { useId } from "preact/hooks";
import type { Snapshot } from "../api/history.ts";
import { plural } from "../format/number.ts";
import { dateTime } from "../format/time.ts";
import { Select } from "./choice.tsx";
import { shortId } from "./runs.tsx";

const MOMENT = "moment";
/** Before anything had changed. */
export const BEGINNING = "seq:0";
/** How an address says one; what else it may say, such as `seq:12`, is shown as it is. */
const MOMENTS = /^\d{4}-\d\d-\d\dT/;

interface Props {
  label: string;
  runs: Snapshot[];
  value: string;
  /** Whether it is what is compared to the other: then it may be now, and else the beginning. */
  now?: boolean;
  choose(value: string): void;
}

/** A moment to compare with: the end of a run, now, or any other. */
export function Moment({ label, runs, value, now, choose }: Props) {
  const id = useId();
  const isRun = runs.some((run) => run.run === value);
  const isMoment = MOMENTS.test(value);
  const isOther = value !== "" && value !== BEGINNING && !isRun && !isMoment;
  const pick = (chosen: string) =>
    choose(chosen === MOMENT ? (runs[0]?.at ?? new Date().toISOString()) : chosen);
  return (
    <>
      <Select
        label={label}
        value={isMoment ? MOMENT : value}
        choose={pick}
        options={[
          now ? { value: "", text: "now" } : { value: BEGINNING, text: "the beginning" },
          ...(isOther ? [{ value, text: value }] : []),
          { value: MOMENT, text: "a moment …" },
          ...runs.map((run) => ({
            value: run.run,
            text: `run ${shortId(run.run)}, ${dateTime(run.at)}: ${plural(run.count, "row")}`,
          })),
        ]}
      />
      {isMoment && (
        <div class="field">
          <label for={id}>{label}, when</label>
          <input
            id={id}
            type="datetime-local"
            step={1}
            value={localTime(value)}
            onChange={(event) => {
              const at = new Date(event.currentTarget.value);
              if (!Number.isNaN(at.getTime())) choose(at.toISOString());
            }}
          />
        </div>
      )}
    </>
  );
}

/** A moment as the field takes it: in the reader's zone, to the second. */
function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
