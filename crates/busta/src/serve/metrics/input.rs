//! What is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use busta_core::{BudgetSettings, SourceName};
use busta_engine::{HostState, PoolProgress, SourceFigures, WorkerAction};
use busta_server::model::SourceHealth;
use busta_server::{ActivityCounts, RouteTraffic};
use chrono::{DateTime, Utc};

/// Everything that the metrics are made of, at one moment.
#[derive(Clone, Debug)]
pub struct MetricsInput {
    /// The version of busta.
    pub version: &'static str,
    /// When the process started.
    pub started_at: DateTime<Utc>,
    /// What the process uses.
    pub process: ProcessMetrics,
    /// Tasks of the runtime that collects.
    pub tasks: u64,
    /// Runs.
    pub runs: RunCounts,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceMetrics>,
    /// How full the pools are, of all runs together.
    pub pools: Vec<PoolProgress>,
    /// Splits that wait, of all runs together.
    pub queued: u64,
    /// What the workers do, of all runs together.
    pub workers: Vec<WorkerAction>,
    /// The hosts, those that were asked most first.
    pub hosts: Vec<HostState>,
    /// The activity feed.
    pub activity: ActivityCounts,
    /// The requests to the API, by route.
    pub traffic: BTreeMap<String, RouteTraffic>,
}

/// What the process uses. What the system does not tell is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMetrics {
    /// Its processor time so far, of all threads.
    pub processor: Option<Duration>,
    /// The memory that it holds, in bytes.
    pub memory: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u64>,
    /// How many file descriptors may be open.
    pub most_files: Option<u64>,
}

/// Runs.
#[derive(Clone, Debug, Default)]
pub struct RunCounts {
    /// Those under way.
    pub running: u64,
    /// Those that wait for their turn.
    pub queued: u64,
    /// Those that have ended since the process began, by how.
    pub ended: BTreeMap<&'static str, u64>,
    /// How long the oldest one under way has taken so far.
    pub oldest: Option<Duration>,
}

/// A source.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    /// Its name.
    pub name: SourceName,
    /// What its meter has counted.
    pub figures: SourceFigures,
    /// How it does, by its last run.
    pub health: SourceHealth,
    /// When its last run ended.
    pub last_run_at: Option<DateTime<Utc>>,
    /// When a run of it last completed.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When it is collected by itself.
    pub schedule: Option<ScheduleMetrics>,
    /// Who has paused it.
    pub paused: Option<PausedBy>,
    /// What it may use.
    pub budget: Option<BudgetMetrics>,
}

/// Who has paused a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PausedBy {
    /// Somebody.
    Person,
    /// It has itself, after too many failures.
    Failures,
}

/// What a source may use, and what counts towards that.
#[derive(Clone, Copy, Debug)]
pub struct BudgetMetrics {
    /// The caps, and what a request costs.
    pub settings: BudgetSettings,
    /// Requests of the run under way.
    pub of_run: u64,
    /// Requests of this day, where a day has only so many.
    pub of_day: Option<u64>,
}

/// A schedule.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleMetrics {
    /// The next time, unless it is paused.
    pub next_at: Option<DateTime<Utc>>,
    /// Whether it is paused.
    pub paused: bool,
}
