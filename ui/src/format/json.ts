/** The text as indented JSON if it is JSON; else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** A value of a record in one line. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A value of a record on as many lines as it likes; text that holds JSON is shown as such. */
export function whole(value: unknown): string {
  if (typeof value === "string") return /^\s*[[{]/.test(value) ? pretty(value) : value;
  return JSON.stringify(value, null, 2) ?? "";
}
