import type { FailureGroup } from "../api/types.ts";

/** Who has to mend it: the one that is asked, whoever reads the answer, or the one that keeps it. */
export type FailureSide = "api" | "parse" | "write";

const OF_STAGE: Record<string, FailureSide> = {
  read: "api",
  parse: "parse",
  transform: "parse",
  write: "write",
};

/** The side of a failure, by the stage at which it happened. */
export function sideOf(stage: string): FailureSide {
  return OF_STAGE[stage] ?? "api";
}

/** Failures of one kind at one stage. */
export interface FailureType {
  kind: string;
  stage: string;
  count: number;
  /** The reason of one of them. */
  example: string;
}

/** Groups of failures by their reason, summed up by kind and stage, the largest first. */
export function byType(groups: FailureGroup[]): FailureType[] {
  const types = new Map<string, FailureType>();
  for (const { count, example } of groups) {
    const { kind, stage, reason } = example;
    const id = `${kind} ${stage}`;
    const known = types.get(id);
    if (known) known.count += count;
    else types.set(id, { kind, stage, count, example: reason });
  }
  return [...types.values()].sort((a, b) => b.count - a.count);
}
