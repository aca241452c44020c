/** Beyond this a number counts milliseconds: as seconds it would be in the year 5138. */
const MOST_SECONDS = 1e11;

/** A column's time as RFC 3339: seconds or milliseconds since 1970, or a time in words; nothing if it is none. */
export function momentOf(value: unknown): string | undefined {
  const number = typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" && typeof number !== "string") return undefined;
  const scaled = typeof number === "number" && Math.abs(number) < MOST_SECONDS ? number * 1000 : number;
  const date = new Date(scaled);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
