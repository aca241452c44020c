import type { IconName } from "./icon.tsx";

export type Tone = "good" | "warn" | "bad" | "info" | "calm";

/** A state in colour, sign and word: each says it to somebody. */
export interface Look {
  icon: IconName;
  tone: Tone;
  words: string;
}
