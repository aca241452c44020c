const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `1,234,567`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1.2M`; exact below ten thousand. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.4 MiB`. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = Math.max(0, value);
  while (scaled >= 1023.95 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : 1;
  return `${scaled.toFixed(digits)} ${UNITS[unit]}`;
}

/** A number of things a second: `0`, `0.4`, `12`, `1,204`. */
export function rate(value: number): string {
  if (value <= 0) return "0";
  return value < 9.95 ? value.toFixed(1) : compact(value);
}

/** `42 %`, of a share between 0 and 1; never 100 % of what is not whole, nor 0 % of what is there. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return "<1 %";
  if (share > 0.99 && share < 1) return "99 %";
  return `${Math.round(share * 100)} %`;
}

/** `1 record`, `2 records`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `82 ms`, `1.4 s`. */
export function millis(value: number): string {
  if (value < 1) return "<1 ms";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 9950 ? 1 : 0)} s`;
}
