/** The name of a split for people: as its source has named it, without what only tells it from others. */
export function splitWords(split: string): string {
  const name = split.replace(/~[0-9a-f]{16}(#\d+)?$/, "");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
