/** How far back views look, and in which steps charts over it go. */
export const WINDOWS = {
  "24h": { text: "24 hours", bucket: "1h", step: "hour" },
  "7d": { text: "7 days", bucket: "6h", step: "6 hours" },
  "30d": { text: "30 days", bucket: "1d", step: "day" },
} as const;

export type Window = keyof typeof WINDOWS;

export const WINDOW_OPTIONS = Object.entries(WINDOWS).map(([value, { text }]) => ({
  value: value as Window,
  text,
}));

export function windowOf(asked: string | null): Window {
  return asked !== null && asked in WINDOWS ? (asked as Window) : "24h";
}
