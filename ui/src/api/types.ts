// The JSON bodies of the API, by hand from `crates/busta-server/src/model`. Times are RFC 3339 in UTC,
// durations are numbers whose name ends in their unit, sizes are bytes; fields that do not apply are absent.

export type RunState =
  | "queued"
  | "running"
  | "interrupted"
  | "completed"
  | "partial"
  | "failed"
  | "cancelled"
  | "abandoned";

export type Trigger = "command" | "schedule" | "catchup" | "api" | "resume";

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface RunTotals {
  records: number;
  bytes: number;
  requests: number;
  retries: number;
  failures: number;
  splits: number;
}

export interface RunSummary {
  id: string;
  state: RunState;
  trigger: Trigger;
  sources: string[];
  started_at: string;
  finished_at?: string;
  duration_s: number;
  totals: RunTotals;
}

export interface TimeSpent {
  limits_s: number;
  server_s: number;
  parse_s: number;
  transform_s: number;
  write_s: number;
}

export interface SourceRun {
  name: string;
  type: string;
  state: RunState;
  splits_known: number;
  in_flight: number;
  totals: RunTotals;
  time: TimeSpent;
  waiting?: string;
  error?: string;
  /** How far the parts of its work are, in their order; absent if it is not made of parts. */
  phases?: PhaseProgress[];
  /** What its requests have cost, if its budget says what one does. */
  cost?: number;
  /** How many requests it is expected to take. */
  estimate?: number;
  /** Why its own settings ended it before its end. */
  stopped?: { by: "budget" | "failures"; reason: string };
}

/** What a split is about: the values of its placeholders, by their names. */
export type Subject = Record<string, string>;

/** How far one part of a source's work is, such as listing, and then searching for what was listed. */
export interface PhaseProgress {
  phase: string;
  splits_done: number;
  splits_total: number;
  records: number;
}

export type WorkerAction = "idle" | "opening" | "fetching" | "transforming" | "writing";

export interface WorkerView {
  worker_id: number;
  action: WorkerAction;
  source?: string;
  stream?: string;
  split?: string;
  /** What part of its source's work that is. */
  phase?: string;
  /** What the split is about; absent if its source does not say. */
  subject?: Subject;
  since_s?: number;
  batches: number;
  records: number;
  attempt: number;
  splits_done: number;
  records_done: number;
}

export interface PoolView {
  name: string;
  places?: number;
  taken: number;
  waiting: number;
}

export interface HostView {
  host: string;
  in_flight: number;
  limit?: number;
  rate?: number;
  paused: boolean;
  requests: number;
  limited: number;
  latency_mean_ms: number;
}

export interface LiveRun {
  elapsed_s: number;
  records_per_s: number;
  bytes_per_s: number;
  eta_s?: number;
  in_flight: number;
  queued: number;
  stopping: boolean;
  workers: WorkerView[];
  pools: PoolView[];
  held_back: HostView[];
}

/** A source's part of the report that `busta sources collect --json` prints. */
export interface SourceReport {
  name: string;
  type: string;
  status: RunState;
  records: number;
  deduped: number;
  bytes: number;
  requests: number;
  retries: number;
  rate_limited: number;
  failures: number;
  dropped?: number;
  warnings?: number;
  first_warnings?: string[];
  splits: number;
  duration_s: number;
  busy_s: number;
  /** What was asked for and is not there; absent if the source cannot tell. */
  gaps?: Gaps;
  error?: string | null;
}

/** Files that a source was asked for and that its origin does not have. */
export interface Gaps {
  files: number;
  /** The first of them. */
  gaps?: Gap[];
}

/** Files of one kind that follow one another and are not there: of which days, if they are of some. */
export interface Gap {
  of: string;
  from?: string;
  to?: string;
  files: number;
  /** They have come, and are not what they should be. */
  refused?: boolean;
}

export interface RunReport {
  run_id: string;
  status: RunState;
  duration_s: number;
  records: number;
  peak_rss_bytes: number;
  cpu_s: number;
  sources: SourceReport[];
}

export interface RunDetail extends RunSummary {
  full_refresh: boolean;
  limit?: number;
  by_source: SourceRun[];
  live?: LiveRun;
  report?: RunReport;
}

export interface ThroughputSample {
  at: string;
  records_per_s: number;
  bytes_per_s: number;
  requests_per_s: number;
}

export interface Overview {
  version: string;
  started_at: string;
  now: string;
  sources: number;
  sources_ok: number;
  sources_failing: number;
  sources_paused: number;
  live_runs: RunSummary[];
  recent_runs: RunSummary[];
  totals: RunTotals;
  throughput: ThroughputSample[];
  next_due_at?: string;
}

export type SourceHealth = "ok" | "degraded" | "failing" | "unknown";

export interface ScheduleView {
  words: string;
  paused: boolean;
  next_at?: string;
  last_due_at?: string;
  overlap: string;
}

/** That a source is paused. */
export interface PauseView {
  since: string;
  /** Why, if it was paused by itself after too many failures; absent if somebody has paused it. */
  reason?: string;
  /** When it is looked next whether it answers again. */
  next_probe_at?: string;
}

/** What a source may use. Money has no unit: it is that of the configuration. */
export interface BudgetView {
  cost_per_request?: number;
  per_run?: number;
  requests_per_run?: number;
  requests_per_day?: number;
  /** Requests of this day (UTC), over all runs. */
  requests_today?: number;
  /** As many as the last complete run took; absent before there was one. */
  expected_requests?: number;
}

/** Who says what a setting is: the configuration, the preset that is chosen, or nobody. */
export type SettingOrigin = "file" | "preset" | "default";

export interface Setting {
  name: string;
  value: unknown;
  origin: SettingOrigin;
}

/** A named set of settings. */
export interface Preset {
  name: string;
  values: Record<string, unknown>;
}

/** How a source is configured, as far as it is no secret. */
export interface SourceSettings {
  /** The presets that its type offers. */
  presets: Preset[];
  values: Setting[];
}

export interface SourceView {
  name: string;
  type: string;
  /** The preset of its type that is chosen. */
  preset?: string;
  enabled: boolean;
  priority: string;
  destination: string;
  health: SourceHealth;
  error?: string;
  running?: string;
  last_run?: RunSummary;
  /** How many of that run's records are of this source. */
  last_records?: number;
  schedule?: ScheduleView;
  pause?: PauseView;
  requests: number;
  latency_p50_ms?: number;
  latency_p99_ms?: number;
  in_flight: number;
  effective_concurrency?: number;
}

export interface StreamView {
  name: string;
  table: string;
  primary_key: string[];
  write_mode: string;
  cursor_field?: string;
}

export type FindingLevel = "info" | "warning" | "error" | "critical";

export interface Finding {
  check: string;
  level: FindingLevel;
  field?: string;
  message: string;
  count: number;
  fails: boolean;
}

export interface SchemaQuality {
  schema: string;
  valid: number;
  invalid: number;
  reasons?: { rule: string; example: string; count: number }[];
}

export interface StreamQuality {
  stream: string;
  records: number;
  looked_at: number;
  fields: { name: string; missing: number; invalid: number }[];
  schemas?: SchemaQuality[];
  findings: Finding[];
}

export interface SourceDetail extends SourceView {
  streams: StreamView[];
  hosts: HostView[];
  upcoming: string[];
  recent_runs: RunSummary[];
  quality: StreamQuality[];
  budget?: BudgetView;
  settings: SourceSettings;
}

export interface CollectRequest {
  sources: string[];
  full_refresh: boolean;
  limit?: number;
}

export interface Accepted {
  run_id: string;
  state: RunState;
  sources: string[];
  waits_for?: string;
  /** Of the sources with a budget. */
  estimates?: Estimate[];
}

/** What collecting a source is expected to take. */
export interface Estimate {
  source: string;
  requests?: number;
  cost?: number;
  /** How many requests its budget allows a run. */
  allowed?: number;
}

export interface FailureView {
  id: string;
  run_id: string;
  source: string;
  stream: string;
  split: string;
  position?: string;
  stage: string;
  kind: string;
  reason: string;
  payload?: string;
  at: string;
}

export type GroupBy = "reason" | "source" | "kind";

export interface FailureGroup {
  title: string;
  source?: string;
  kind?: string;
  stage?: string;
  count: number;
  first_at: string;
  last_at: string;
  runs: string[];
  example: FailureView;
}

export interface ActivityEvent {
  id: number;
  at: string;
  run: string;
  worker_id: number;
  action: string;
  source?: string;
  stream?: string;
  split?: string;
  phase?: string;
  subject?: Subject;
  count?: number;
  duration_ms?: number;
  attempt?: number;
  error?: string;
  stage?: string;
  url?: string;
  message?: string;
}

export interface Dataset {
  name: string;
  rows: number;
  bytes?: number;
  destination: string;
  sources: string[];
  view?: DatasetView | null;
  /** Whether changes are logged, rows can be edited and edits undone. */
  history: boolean;
}

/** The columns that say what rows are about over time. */
export interface DatasetView {
  time: string;
  group_by?: string;
  text: string[];
  score?: string;
  /** What the columns of the sentiment begin with. */
  sentiment?: string;
}

export interface Column {
  name: string;
  type: string;
  primary_key: boolean;
}

export interface DatasetSchema extends Dataset {
  columns: Column[];
}

export type DatasetRecord = Record<string, unknown>;

export type ExportFormat = "csv" | "json" | "ndjson";

export interface ResourceSample {
  at: string;
  processors: number;
  memory_bytes: number;
  file_descriptors: number;
  received_bytes_per_s: number;
  tasks: number;
}

export interface Resources {
  processors: number;
  memory_total_bytes?: number;
  memory_peak_bytes: number;
  file_descriptors_max?: number;
  samples: ResourceSample[];
  pools: PoolView[];
  hosts: HostView[];
}

/** RFC 9457. */
export interface Problem {
  title: string;
  status?: number;
  detail?: string;
  hint?: string;
}
