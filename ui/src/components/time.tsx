import { dateTime, relative } from "../format/time.ts";
import { now } from "../state/clock.ts";

/** A time as it is seen from now; exact when pointed at. */
export function When(props: { at: string | undefined; none?: string }) {
  if (!props.at) return <span class="faint">{props.none ?? "–"}</span>;
  return (
    <time dateTime={props.at} title={dateTime(props.at)}>
      {relative(new Date(props.at).getTime(), now.value)}
    </time>
  );
}
