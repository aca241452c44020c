import type { Label, Mood } from "../api/views.ts";
import { compound } from "../format/mood.ts";
import { percent } from "../format/number.ts";
import { Badge } from "./badge.tsx";
import { StackedBar } from "./bar.tsx";
import type { Look } from "./look.ts";

/** From the bottom to the top of a chart. */
export const LABELS: Label[] = ["negative", "neutral", "positive"];

const LOOKS: Record<Label, Look> = {
  positive: { icon: "smile", tone: "good", words: "positive" },
  neutral: { icon: "flat", tone: "calm", words: "neutral" },
  negative: { icon: "frown", tone: "bad", words: "negative" },
};

/** The class that colours a label's share of a bar, and its swatch. */
export const moodLook = (label: Label) => `mood-${label}`;

/** What a text sounds like, and how much. Nothing for a text that was not judged. */
export function MoodBadge(props: { label: unknown; compound: unknown }) {
  const look = LOOKS[props.label as Label];
  if (!look) return null;
  const value = typeof props.compound === "number" ? props.compound : undefined;
  return (
    <span class="mood">
      <Badge {...look} />
      {value !== undefined && (
        <span class="mood-value" title="The compound score, from -1 to +1">
          {compound(value)}
        </span>
      )}
    </span>
  );
}

/** The shares of the three labels. */
export function MoodBar(props: { mood: Mood; label: string }) {
  const { mood } = props;
  const parts = [...LABELS]
    .reverse()
    .map((label) => ({ name: label, look: moodLook(label), value: mood[label] }));
  return (
    <StackedBar
      parts={parts}
      label={props.label}
      words={(part) => percent(part.value / Math.max(1, mood.records))}
    />
  );
}

/** A compound score as a bar from the middle: to the left what is negative, to the right what is positive. */
export function CompoundBar({ value }: { value: number | null | undefined }) {
  if (value === null || value === undefined) return <span class="faint">–</span>;
  const size = Math.min(1, Math.abs(value)) * 50;
  return (
    <span class="compound">
      <span class="compound-bar" aria-hidden="true">
        <span
          class={value < 0 ? "mood-negative" : "mood-positive"}
          style={{ width: `${size}%`, left: `${value < 0 ? 50 - size : 50}%` }}
        />
      </span>
      <span class="number">{compound(value)}</span>
    </span>
  );
}
