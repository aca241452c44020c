const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** How long to wait before try number `attempt` (from 1): doubling, with jitter, so that many pages do not
 * all come at once when a server is back. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(longest * (0.5 + random() / 2));
}
