//! The names of all metrics, and what they mean. The guide's table is made of this.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>; those of the process are the ones that all
//! exporters give.

use super::text::{Family, Kind};

macro_rules! families {
    ($($const:ident = $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        $(pub const $const: Family =
            Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// All of them, in the order in which they are given.
        #[cfg(test)]
        pub const ALL: &[Family] = &[$($const),*];
    };
}

families! {
    BUILD_INFO = "busta_build_info" Gauge ["version"] "Always 1; its label says what is running.";

    RUNS = "busta_runs" Gauge ["state"] "Runs that are under way (running) and that wait for their turn (queued).";
    RUNS_ENDED = "busta_runs_ended_total" Counter ["state"] "Runs that have ended, by how: completed, partial, failed, cancelled.";
    RUN_AGE = "busta_run_age_seconds" Gauge [] "How long the oldest run under way has taken so far; 0 if there is none.";

    RECORDS = "busta_records_total" Counter ["source", "stream", "outcome"] "Records that have reached the destination: new ones (inserted), newer ones (updated), known ones (deduped).";
    SPLITS = "busta_splits_total" Counter ["source"] "Splits that were read to their end.";
    READ = "busta_read_bytes_total" Counter ["source"] "Bytes that were read, over the network or from files.";
    REQUESTS = "busta_requests_total" Counter ["source", "code"] "HTTP requests by the status of the answer; none if there was no answer.";
    REQUEST_DURATION = "busta_request_duration_seconds" Histogram ["source"] "How long answers to HTTP requests took.";
    WAITED = "busta_wait_seconds_total" Counter ["source"] "How long readers have waited for servers and disks, added up over the workers.";
    RETRIES = "busta_retries_total" Counter ["source"] "Attempts at splits beyond the first.";
    RATE_LIMITED = "busta_rate_limited_waits_total" Counter ["source"] "Times that a split had to wait because its host asked for it (429, Retry-After, an exhausted window).";
    FAILURES = "busta_failures_total" Counter ["source"] "Records and splits that went to the failures store.";

    HEALTH = "busta_source_health" Gauge ["source", "health"] "1 for how the source does by its last run (ok, degraded, failing, unknown), 0 for the others.";
    LAST_RUN = "busta_source_last_run_timestamp_seconds" Gauge ["source"] "When the last run of the source ended, in seconds since 1970.";
    LAST_SUCCESS = "busta_source_last_success_timestamp_seconds" Gauge ["source"] "When a run of the source last completed, in seconds since 1970.";
    NEXT_RUN = "busta_schedule_next_run_timestamp_seconds" Gauge ["source"] "When the source is collected next, in seconds since 1970; absent while its schedule is paused.";
    PAUSED = "busta_schedule_paused" Gauge ["source"] "Whether the schedule of the source is paused, by whomever.";
    SOURCE_PAUSED = "busta_source_paused" Gauge ["source", "by"] "1 if somebody has paused the source (person), or its own failures have (failures), 0 for the other.";

    COST = "busta_cost_total" Counter ["source"] "What the requests of the source have cost, in the currency of the configuration; absent without `cost_per_request`.";
    BUDGET_USED = "busta_budget_requests" Gauge ["source", "cap"] "Requests that count towards a cap of the budget: of the run under way (run; 0 if there is none), or of this day in UTC (day).";
    BUDGET_LIMIT = "busta_budget_requests_limit" Gauge ["source", "cap"] "How many requests the budget allows a run, by number or by cost, or a day.";

    WORKERS = "busta_workers" Gauge ["action"] "Workers of the runs under way, by what they do.";
    QUEUE = "busta_queue_splits" Gauge [] "Splits that wait, for a place or until a time.";
    POOL_PLACES = "busta_pool_places" Gauge ["pool"] "How many splits of a pool can be read at once; absent if they are not counted.";
    POOL_TAKEN = "busta_pool_taken" Gauge ["pool"] "How many splits of a pool are being read.";
    POOL_WAITING = "busta_pool_waiting" Gauge ["pool"] "How many splits wait for a place of the pool.";

    HOST_IN_FLIGHT = "busta_host_in_flight" Gauge ["host"] "Places of a host that are taken.";
    HOST_CONCURRENCY = "busta_host_concurrency_limit" Gauge ["host"] "How many requests at once a host was found to bear; absent if as many as were wanted.";
    HOST_RATE = "busta_host_rate_limit" Gauge ["host"] "How many requests a second a host was found to bear; absent if no such limit was met.";
    HOST_PAUSED = "busta_host_paused" Gauge ["host"] "Whether a host is left alone for a while after too many failures in a row.";
    HOST_REQUESTS = "busta_host_requests_total" Counter ["host"] "HTTP requests to a host.";
    HOST_LIMITED = "busta_host_limited_total" Counter ["host"] "HTTP requests that a host answered with 429 or 503.";

    API_REQUESTS = "busta_http_server_requests_total" Counter ["route", "method", "status"] "Requests to busta itself, by the template of the route; (pages) is the dashboard.";
    API_DURATION = "busta_http_server_request_duration_seconds" Histogram ["route"] "How long busta took until its answers began.";

    EVENTS = "busta_activity_events_total" Counter [] "Events of the activity feed.";
    GAPS = "busta_activity_gaps_total" Counter [] "Times that a listener of the activity was so slow that it missed events.";
    CLIENTS = "busta_activity_clients" Gauge [] "Clients that follow the activity live.";
    TASKS = "busta_runtime_tasks" Gauge [] "Tasks of the runtime that collects.";

    CPU = "process_cpu_seconds_total" Counter [] "Processor time used, in user and system mode.";
    MEMORY = "process_resident_memory_bytes" Gauge [] "Memory held.";
    OPEN_FDS = "process_open_fds" Gauge [] "Open file descriptors.";
    MAX_FDS = "process_max_fds" Gauge [] "How many file descriptors may be open.";
    START_TIME = "process_start_time_seconds" Gauge [] "When the process started, in seconds since 1970.";
}
