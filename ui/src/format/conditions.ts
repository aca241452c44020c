// The `filter` of the records: `price>=10,name~blue,deleted=null`.

export const OPERATORS = [
  { value: "=", text: "is" },
  { value: "!=", text: "is not" },
  { value: "<", text: "<" },
  { value: "<=", text: "≤" },
  { value: ">", text: ">" },
  { value: ">=", text: "≥" },
  { value: "~", text: "contains" },
] as const;

export type Operator = (typeof OPERATORS)[number]["value"];

export interface Condition {
  column: string;
  operator: Operator;
  value: string;
}

/** A value that could be taken for something else stands in double quotes, doubled inside. */
function quoted(value: string): string {
  return /[,"]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

export function filterOf(conditions: Condition[]): string {
  return conditions.map((c) => `${c.column}${c.operator}${quoted(c.value)}`).join(",");
}

/** The conditions of a filter that was made here; parts that are none are left out. */
export function conditionsOf(filter: string): Condition[] {
  const parts = filter.match(/(?:"(?:[^"]|"")*"|[^,])+/g) ?? [];
  const conditions: Condition[] = [];
  for (const part of parts) {
    const found = /^([^=!<>~]+)(!=|<=|>=|=|<|>|~)(.*)$/s.exec(part);
    if (!found) continue;
    const [, column = "", operator = "=", raw = ""] = found;
    const value = /^".*"$/s.test(raw) ? raw.slice(1, -1).replaceAll('""', '"') : raw;
    conditions.push({ column, operator: operator as Operator, value });
  }
  return conditions;
}
