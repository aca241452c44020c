import type { ActivityEvent } from "../api/types.ts";

/** Both lists in one, newest first, each event once, no more than `most`. */
export function merge(have: ActivityEvent[], more: ActivityEvent[], most: number): ActivityEvent[] {
  if (more.length === 0) return have;
  const fresh = [...more].sort((a, b) => b.id - a.id);
  const merged: ActivityEvent[] = [];
  let h = 0;
  let f = 0;
  while (merged.length < most && (h < have.length || f < fresh.length)) {
    const old = have[h];
    const young = fresh[f];
    const next = !old || (young && young.id >= old.id) ? young : old;
    if (!next) break;
    if (next === young) f += 1;
    else h += 1;
    if (merged.at(-1)?.id !== next.id) merged.push(next);
  }
  return merged;
}
