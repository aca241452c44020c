/** The part of a list that was asked for. */
export function page(items, query) {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  const next = from + limit;
  return { items: items.slice(from, next), ...(next < items.length ? { next: String(next) } : {}) };
}
