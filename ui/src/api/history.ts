import { send, withQuery } from "./client.ts";
import type { DatasetRecord } from "./types.ts";
import { datasetPath } from "./views.ts";

/** The columns of a primary key with their values. */
export type Key = Record<string, unknown>;

export type EditAction = "insert" | "update" | "remove" | "undo";

/** Something that happened to a dataset: a source's part of a run, an edit by hand, old rows that went. */
export interface Episode {
  kind: "run" | "edit" | "retention";
  /** Its number, by which an edit is undone. */
  change: number;
  at: string;
  run?: string;
  source?: string;
  who?: string;
  action?: EditAction;
  /** How a run ended. */
  status?: string;
  /** The edit that this one undid. */
  undoes?: number;
  /** The edit by which this one was undone. */
  undone_by?: number;
  /** Of an edit, the first twenty. */
  keys?: Key[];
  inserted: number;
  updated: number;
  removed: number;
  /** How many rows there were after it. */
  count: number;
}

/** What became of one row. */
export interface Change {
  seq: number;
  at: string;
  action: string;
  /** The episode that it belongs to. */
  change: number;
  kind: Episode["kind"];
  run?: string;
  source: string;
  who?: string;
  key: Key;
  before?: DatasetRecord;
  after?: DatasetRecord;
  count: number;
}

/** The end of a source's part of a run. */
export interface Snapshot {
  run: string;
  source: string;
  status: string;
  at: string;
  seq: number;
  count: number;
}

export interface ChangedRow {
  key: Key;
  before: DatasetRecord;
  after: DatasetRecord;
}

export interface Diff {
  from: { count: number; at?: string };
  to: { count: number; at?: string };
  added: DatasetRecord[];
  removed: DatasetRecord[];
  changed: ChangedRow[];
  next?: string;
}

/** What an edit answers: by its change it can be undone. Without one, there was nothing to change. */
export interface Edited {
  change?: number;
  count: number;
  records: DatasetRecord[];
}

async function edit(method: string, path: string, body?: unknown): Promise<Edited> {
  const response = await send(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  return (await response.json()) as Edited;
}

/** `source` says whose row it is, where several sources land in the dataset. */
export const edits = {
  insert: (dataset: string, record: DatasetRecord, source?: string) =>
    edit("POST", withQuery(datasetPath(dataset, "records"), { source }), { records: [record] }),
  update: (dataset: string, key: Key, changes: DatasetRecord, source?: string) =>
    edit("PATCH", withQuery(datasetPath(dataset, "records", keyText(key)), { source }), changes),
  remove: (dataset: string, keys: Key[]) => edit("POST", datasetPath(dataset, "remove"), { keys }),
  undo: (dataset: string, change: number) =>
    edit("POST", datasetPath(dataset, "changes", String(change), "undo"), {}),
};

/** A key as addresses name it: its value, or of several columns a list of them. */
export function keyText(key: Key): string {
  const values = Object.values(key);
  return values.length === 1 && typeof values[0] === "string"
    ? values[0]
    : JSON.stringify(values.length === 1 ? values[0] : values);
}
