/** Who has to mend it: the one that is asked, whoever reads the answer, or the one that keeps it. */
export type FailureSide = "api" | "parse" | "write";

const OF_STAGE: Record<string, FailureSide> = {
  read: "api",
  parse: "parse",
  transform: "parse",
  write: "write",
};
/** Kinds of failure that say that an answer came and is not right. */
const OF_ANSWERS = new Set(["data", "corrupt"]);

/** The side of a failure, by where it happened; of many that happened at several stages, by their kind. */
export function sideOf(failure: { stage?: string; kind?: string }): FailureSide {
  const known = failure.stage === undefined ? undefined : OF_STAGE[failure.stage];
  return known ?? (OF_ANSWERS.has(failure.kind ?? "") ? "parse" : "api");
}
