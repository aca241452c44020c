import type { Subject } from "../api/types.ts";

/** What a split is about, by how much it tells people: values of several words before codes and numbers. */
export function byTelling(subject: Subject): [name: string, value: string][] {
  const isWords = ([, value]: [string, string]) => /\p{L}\s/u.test(value);
  const values = Object.entries(subject);
  return [...values.filter(isWords), ...values.filter((each) => !isWords(each))];
}
