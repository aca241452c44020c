/** How far back views look, and in which steps charts over it go. */
export const WINDOWS = {
  "6h": { text: "6 hours", bucket: "1h", step: "hour" },
  "24h": { text: "24 hours", bucket: "1h", step: "hour" },
  "7d": { text: "7 days", bucket: "6h", step: "6 hours" },
  "30d": { text: "30 days", bucket: "1d", step: "day" },
} as const;

export type Window = keyof typeof WINDOWS;

export const SENTIMENT_WINDOWS: Window[] = ["24h", "7d", "30d"];
/** What trends is told of a week at most. */
export const TRENDING_WINDOWS: Window[] = ["6h", "24h", "7d"];

export function windowOptions(of: Window[]) {
  return of.map((value) => ({ value, text: WINDOWS[value].text }));
}

export function windowOf(asked: string | null, of: Window[]): Window {
  return of.find((each) => each === asked) ?? "24h";
}
