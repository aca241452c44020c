import { percent } from "../format/number.ts";

/** How far something is. `share` is between 0 and 1; absent if nobody knows. */
export function Progress(props: { label: string; share: number | undefined; tone?: string }) {
  const known = props.share !== undefined;
  const share = Math.min(1, Math.max(0, props.share ?? 0));
  return (
    <div
      class={`progress ${props.tone ?? ""} ${known ? "" : "unknown"}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.floor(share * 100) : undefined}
      aria-valuetext={known ? percent(share) : "not known yet"}
    >
      <div style={{ width: `${share * 100}%` }} />
    </div>
  );
}

export interface Part {
  name: string;
  /** The class that colours it: `part-1` to `part-5`. */
  look: string;
  value: number;
}

/** Parts of a whole, side by side. The legend or the table beside it says the same in words. */
export function StackedBar(props: { parts: Part[]; label: string; words: (part: Part) => string }) {
  const total = props.parts.reduce((sum, part) => sum + part.value, 0);
  const shown = props.parts.filter((part) => part.value > 0);
  const text = shown.map((part) => `${part.name} ${props.words(part)}`).join(", ");
  return (
    <div class="stack" role="img" aria-label={`${props.label}: ${text || "nothing yet"}`}>
      {shown.map((part) => (
        <div
          key={part.name}
          class={part.look}
          title={`${part.name}: ${props.words(part)}, ${percent(part.value / total)}`}
          style={{ flexGrow: `${part.value / total}` }}
        />
      ))}
    </div>
  );
}
