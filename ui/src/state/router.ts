import { signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: window.location.pathname, query: new URLSearchParams(window.location.search) };
}

export const place = signal<Place>(here());

/** Counts up with each page that is opened, but not when only its filters change. */
export const opened = signal(0);

export function go(to: string, options: { replace?: boolean } = {}): void {
  if (to === window.location.pathname + window.location.search) return;
  const other = new URL(to, window.location.origin).pathname !== window.location.pathname;
  if (options.replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  place.value = here();
  if (other) opened.value += 1;
}

/** Changes parameters of the page's address: what it shows can be sent to others, and survives a reload. */
export function setQuery(changes: Record<string, string | undefined>): void {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(window.location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** Makes links of the page open without loading it anew. Called once, at the start. */
export function followLinks(): void {
  window.addEventListener("popstate", () => {
    const other = window.location.pathname !== place.peek().path;
    place.value = here();
    if (other) opened.value += 1;
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    const to = new URL(link.href);
    if (to.origin !== window.location.origin || to.hash || to.pathname.startsWith("/api/")) return;
    event.preventDefault();
    go(to.pathname + to.search);
  });
}
