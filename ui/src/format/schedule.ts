// When a source is collected, in words. The server writes it as it is configured: `every 30m`,
// `cron 0 6 * * 1-5 (Europe/Berlin)`, `auto (5m to 6h)`.

const UNITS: Record<string, string> = { d: "day", h: "hour", m: "minute", s: "second" };
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SHORT = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** A schedule as people say it; one that is none of the usual kinds stays as it is written. */
export function scheduleWords(text: string): string {
  const every = /^every (\d+)([dhms])$/.exec(text);
  if (every) return `every ${span(every[1], every[2])}`;
  const auto = /^auto \((\d+)([dhms]) to (\d+)([dhms])\)$/.exec(text);
  if (auto) {
    const [, least, unit, most, other] = auto;
    return `as often as there is something new: every ${span(least, unit)} to every ${span(most, other)}`;
  }
  const cron = /^cron (\S+) (\S+) (\S+) (\S+) (\S+) \((.+)\)$/.exec(text);
  return (cron && cronWords(cron.slice(1))) ?? text;
}

function span(number = "1", unit = "m"): string {
  const name = UNITS[unit] ?? unit;
  return number === "1" ? name : `${number} ${name}s`;
}

function cronWords([minute = "", hour = "", day = "", month = "", weekday = "", zone = ""]: string[]):
  | string
  | undefined {
  const days = daysWords(day, month, weekday);
  if (days === undefined) return undefined;
  const step = /^\*\/(\d+)$/;
  const minutes = minute === "*" ? "1" : step.exec(minute)?.[1];
  if (minutes && hour === "*") return join(`every ${span(minutes, "m")}`, days, zone);
  if (!/^\d+$/.test(minute)) return undefined;
  const past = minute.padStart(2, "0");
  const hours = hour === "*" ? "1" : step.exec(hour)?.[1];
  if (hours) return join(`every ${span(hours, "h")} at :${past}`, days, zone);
  if (!/^\d+(,\d+)*$/.test(hour)) return undefined;
  const times = hour.split(",").map((each) => `${each.padStart(2, "0")}:${past}`);
  return join(`at ${listed(times)}`, days || "every day", zone);
}

/** On which days; an empty text for all of them. */
function daysWords(day: string, month: string, weekday: string): string | undefined {
  if (month !== "*") return undefined;
  if (day === "*" && weekday === "*") return "";
  if (weekday === "*") return /^\d+$/.test(day) ? `on day ${day} of each month` : undefined;
  if (day !== "*") return undefined;
  const range = weekday.split("-").map(dayName);
  if (range.length === 2 && range[0] && range[1]) return `${range[0]} to ${range[1]}`;
  const names = weekday.split(",").map(dayName);
  return names.every((name) => name !== undefined) ? `on ${listed(names as string[])}` : undefined;
}

function dayName(text: string): string | undefined {
  const at = SHORT.indexOf(text.toLowerCase());
  return at >= 0 ? DAYS[at] : /^[0-7]$/.test(text) ? DAYS[Number(text)] : undefined;
}

function listed(items: string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} and ${last}`;
}

function join(time: string, days: string, zone: string): string {
  return `${[time, days].filter(Boolean).join(", ")} (${zone})`;
}
