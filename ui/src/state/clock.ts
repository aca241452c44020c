import { signal } from "@preact/signals";

/** How far the server's clock is ahead of ours, in milliseconds. */
let skew = 0;

/** The server's time, in milliseconds, once a second. */
export const now = signal(Date.now());

export function learnServerTime(at: string): void {
  const ahead = new Date(at).getTime() - Date.now();
  // Less is the way of the answer, not a clock that is wrong.
  skew = Math.abs(ahead) > 2000 ? ahead : 0;
}

setInterval(() => {
  if (!document.hidden) now.value = Date.now() + skew;
}, 1000);
