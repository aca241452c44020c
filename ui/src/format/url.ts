/** Longer addresses are cut. */
const LONGEST = 72;
/** So much of the end is kept: it is what tells one request from the next. */
const END = 40;

/** An address by its host and its end, if it is a long one. */
export function shortUrl(url: string): string {
  if (url.length <= LONGEST) return url;
  const host = /^https?:\/\/[^/?#]*/.exec(url)?.[0] ?? "";
  return `${host}/…${url.slice(-END)}`;
}
