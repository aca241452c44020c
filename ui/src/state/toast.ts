import { signal } from "@preact/signals";
import { ApiError } from "../api/client.ts";

export interface Toast {
  key: number;
  tone: "good" | "bad" | "info";
  text: string;
  hint?: string | undefined;
  link?: { to: string; text: string } | undefined;
  /** What can be done about it, as long as it is shown. */
  act?: { text: string; act(): void } | undefined;
}

const LASTS_MS = 8000;
/** What asks for a decision, or for careful reading, stays longer. */
const LONGER = 3;
const MOST = 3;
let keys = 0;

export const toasts = signal<Toast[]>([]);

export function toast(message: Omit<Toast, "key">): void {
  keys += 1;
  const key = keys;
  toasts.value = [...toasts.value.slice(1 - MOST), { ...message, key }];
  const longer = message.tone === "bad" || message.act !== undefined;
  setTimeout(() => dismiss(key), longer ? LONGER * LASTS_MS : LASTS_MS);
}

export function dismiss(key: number): void {
  toasts.value = toasts.value.filter((t) => t.key !== key);
}

/** Says what went wrong with something that somebody asked for. */
export function toastProblem(problem: unknown): void {
  if (problem instanceof ApiError && problem.status === 403) {
    toast({
      tone: "info",
      text: "Your token may look, but not operate.",
      hint: "Sign in with a token of the role `operate` to collect, stop, retry, pause or edit.",
    });
  } else if (problem instanceof ApiError) {
    // Signing in says what a 401 would.
    if (problem.status !== 401) toast({ tone: "bad", text: problem.message, hint: problem.hint });
  } else {
    toast({ tone: "bad", text: String(problem) });
  }
}
