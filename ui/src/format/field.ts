// Values of a record as somebody types them.

export type FieldKind = "text" | "number" | "boolean" | "json";

/** What a column holds, by its type in the destination's words. */
export function kindOf(type: string): FieldKind {
  if (/json|struct|map|list|array|\[\]/i.test(type)) return "json";
  if (/bool/i.test(type)) return "boolean";
  if (/int|real|num|float|double|decimal/i.test(type)) return "number";
  return "text";
}

/** A value as it stands in its field; `null` is an empty field. */
export function typed(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

export type Parsed = { value: unknown } | { problem: string };

/** The value that was meant, or why it cannot be one. */
export function parsed(text: string, kind: FieldKind): Parsed {
  if (text === "") return { value: null };
  switch (kind) {
    case "number": {
      const value = Number(text);
      return Number.isFinite(value) && text.trim() ? { value } : { problem: "This is no number." };
    }
    case "boolean":
      return { value: text === "true" };
    case "json":
      try {
        return { value: JSON.parse(text) };
      } catch {
        return { problem: "This is no JSON." };
      }
    default:
      return { value: text };
  }
}
