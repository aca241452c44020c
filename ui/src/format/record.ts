import type { Column, DatasetRecord } from "../api/types.ts";

/** The columns that busta adds begin so. */
const OWN = "_busta_";

/** Whether a column is the data's, and not busta's record of where it came from. */
export function isOfData(column: string): boolean {
  return !column.startsWith(OWN);
}

export function keyColumns(columns: Column[]): string[] {
  return columns.filter((column) => column.primary_key).map((column) => column.name);
}

const ADDRESS = /(^|_)(url|link|permalink|href)$/;

/** Where a record can be looked at, if one of its columns says so. Only the web's addresses are followed. */
export function addressOf(record: DatasetRecord): string | undefined {
  for (const [column, value] of Object.entries(record)) {
    if (ADDRESS.test(column) && typeof value === "string" && /^https?:\/\//i.test(value)) return value;
  }
  return undefined;
}

const NAMES = ["title", "name", "label", "subject"];

/** What a record is called: by a column that names things, else by its key. */
export function nameOf(record: DatasetRecord, columns: string[] = []): string {
  for (const column of [...columns, ...NAMES]) {
    const value = record[column];
    if (typeof value === "string" && value.trim()) return value;
  }
  const first = Object.entries(record).find(([column, value]) => isOfData(column) && value !== null);
  return first === undefined ? "a record" : String(first[1]);
}

/** The columns that tell this record from the others, with their values. */
export function keyOf(record: DatasetRecord, columns: Column[]): DatasetRecord {
  return Object.fromEntries(keyColumns(columns).map((column) => [column, record[column]]));
}

/** A key in a few letters: its value, or its columns with their values. */
export function keyWords(key: unknown): string {
  if (typeof key !== "object" || key === null) return String(key);
  const parts = Object.entries(key);
  if (parts.length === 1) return String(parts[0]?.[1]);
  return parts.map(([column, value]) => `${column} ${value}`).join(", ");
}

/** A column whose value has changed; `undefined` where it was not there. */
export interface Difference {
  column: string;
  before: unknown;
  after: unknown;
}

/** What differs between two states of a row, in the order of its columns; busta's own columns are left out. */
export function differences(before: DatasetRecord, after: DatasetRecord): Difference[] {
  const columns = new Set([...Object.keys(before), ...Object.keys(after)].filter(isOfData));
  return [...columns]
    .map((column) => ({ column, before: before[column], after: after[column] }))
    .filter((each) => JSON.stringify(each.before) !== JSON.stringify(each.after));
}
