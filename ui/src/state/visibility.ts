import { signal } from "@preact/signals";

/** A glance at another window costs no new connection. */
const PATIENCE_MS = 20_000;

/** Whether nobody has looked at this page for a while: then nothing is asked of the server. */
export const hidden = signal(document.hidden);

let timer: ReturnType<typeof setTimeout> | undefined;
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) hidden.value = false;
  else timer = setTimeout(() => (hidden.value = true), PATIENCE_MS);
});
