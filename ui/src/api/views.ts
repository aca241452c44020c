import { withQuery } from "./client.ts";
import type { DatasetRecord } from "./types.ts";

export type Label = "positive" | "neutral" | "negative";

/** How many records there are of each label; and the mean of their compound scores, -1 to 1. */
export interface Mood extends Record<Label, number> {
  records: number;
  compound_mean?: number | null;
}

export interface SentimentStats {
  dataset: string;
  from: string;
  to: string;
  bucket_s: number;
  total: Mood;
  groups: (Mood & { group: string })[];
  series: (Mood & { at: string })[];
}

export interface TrendingRecord {
  /** Score per hour. */
  velocity: number;
  record: DatasetRecord;
}

export interface TrendingTerm {
  term: string;
  count: number;
  /** How often it would be there if it were as frequent as in the past. */
  before: number;
  /** By how much more than by chance it is above that; terms come in this order. */
  growth: number;
}

export interface Trending {
  dataset: string;
  from: string;
  to: string;
  records: TrendingRecord[];
  terms: TrendingTerm[];
}

/** Where something of a dataset is asked for. */
export function datasetPath(dataset: string, ...more: string[]): string {
  return ["/datasets", dataset, ...more]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join("/");
}

/** Where the sentiment of the last `window` is asked for; `sentiment/stats` is two parts. */
export function statsPath(dataset: string, window: string, bucket: string, group?: string): string {
  return withQuery(datasetPath(dataset, "sentiment", "stats"), { window, bucket, group });
}
