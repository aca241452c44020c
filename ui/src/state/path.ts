/** The parts of `path` that `pattern` names, as in `/runs/:id`; nothing if it does not fit. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split("/");
  const have = path.replace(/(.)\/$/, "$1").split("/");
  if (want.length !== have.length) return undefined;
  const found: Record<string, string> = {};
  for (const [at, part] of want.entries()) {
    const given = have[at] ?? "";
    if (part.startsWith(":")) {
      try {
        found[part.slice(1)] = decodeURIComponent(given);
      } catch {
        return undefined;
      }
      if (given === "") return undefined;
    } else if (part !== given) return undefined;
  }
  return found;
}
