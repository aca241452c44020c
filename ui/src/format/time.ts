const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something takes, from seconds: `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const r = Math.round(s);
  if (r < MINUTE) return `${r} s`;
  if (r < HOUR) return pair(r, MINUTE, "min", 1, "s");
  if (r < DAY) return pair(r, HOUR, "h", MINUTE, "min");
  return pair(r, DAY, "d", HOUR, "h");
}

function pair(value: number, big: number, bigName: string, small: number, smallName: string): string {
  const first = Math.floor(value / big);
  const rest = Math.floor((value % big) / small);
  return rest === 0 ? `${first} ${bigName}` : `${first} ${bigName} ${rest} ${smallName}`;
}

/** How long ago or how far ahead, roughly: `just now`, `in 12 s`, `4 min ago`. */
export function relative(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return "just now";
  const words =
    size < MINUTE
      ? `${size} s`
      : size < HOUR
        ? `${Math.floor(size / MINUTE)} min`
        : size < 2 * DAY
          ? pair(size, HOUR, "h", MINUTE, "min")
          : `${Math.floor(size / DAY)} d`;
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hour12: false });

/** `14:03:27`, in the reader's time zone. */
export function timeOfDay(at: string): string {
  return clock.format(new Date(at));
}

/** Date and time in the reader's words and zone. */
export function dateTime(at: string): string {
  return full.format(new Date(at));
}
