//! The published picture of a run, for whoever shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use busta_core::report::{HostReport, PhaseProgress, Phases, Status, Stopped};
use busta_core::{Pool, RunId, SourceName, SplitId, StreamName};
use tokio::time::Instant;

/// A run at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The run.
    pub run: RunId,
    /// Since its start.
    pub elapsed: Duration,
    /// Its sources, in the order of the configuration.
    pub sources: Vec<SourceProgress>,
    /// Splits being read.
    pub in_flight: usize,
    /// Splits that wait, for a place or until a time.
    pub queued: usize,
    /// Its workers, those that are idle among them.
    pub workers: Vec<WorkerProgress>,
    /// The pools of its sources.
    pub pools: Vec<PoolProgress>,
    /// Records a second, over the last seconds.
    pub records_per_s: f64,
    /// Bytes a second, over the last seconds.
    pub bytes_per_s: f64,
    /// When it will be done, as far as the splits that are known tell.
    pub eta: Option<Duration>,
    /// Whether it has been told to stop.
    pub stopping: bool,
    /// The hosts that get less than the configuration allows, because they bear no more.
    pub held_back: Vec<HostReport>,
}

/// A source at one moment.
#[derive(Clone, Debug)]
pub struct SourceProgress {
    /// The source.
    pub name: SourceName,
    /// Its type.
    pub kind: String,
    /// How it stands.
    pub status: Status,
    /// Splits that are done.
    pub splits_done: usize,
    /// Splits that are known so far.
    pub splits_known: usize,
    /// Splits being read.
    pub in_flight: usize,
    /// Records that are new or changed in the destination.
    pub records: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// Why it waits, in words, if all of it waits.
    pub waiting: Option<String>,
    /// The first thing that went wrong for good, in words.
    pub error: Option<String>,
    /// What its requests cost, if its budget says what one does.
    pub cost: Option<f64>,
    /// How many requests it is expected to take, if that is known.
    pub estimate: Option<u64>,
    /// Why it was ended before its end, if its own settings ended it.
    pub stopped: Option<Stopped>,
    /// How far the parts of its work are, if its streams have phases.
    pub progress: Vec<PhaseProgress>,
    /// Where its time has gone.
    pub phases: Phases,
    /// Records a second, over the last seconds.
    pub records_per_s: f64,
    /// Bytes a second, over the last seconds.
    pub bytes_per_s: f64,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WorkerAction {
    /// Nothing.
    Idle,
    /// It opens a split.
    Opening,
    /// It waits for the server or the disk.
    Fetching,
    /// It transforms and measures records.
    Transforming,
    /// It encodes records, or waits for the destination to take them.
    Writing,
}

impl WorkerAction {
    /// The action that `self as u8` gives this number.
    pub(crate) fn from_number(number: u8) -> Self {
        let all = [Self::Idle, Self::Opening, Self::Fetching, Self::Transforming, Self::Writing];
        all.into_iter().find(|action| *action as u8 == number).unwrap_or(Self::Idle)
    }

    /// The action as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Opening => "opening",
            Self::Fetching => "fetching",
            Self::Transforming => "transforming",
            Self::Writing => "writing",
        }
    }
}

/// A worker at one moment: one place of the run's concurrency.
#[derive(Clone, Debug)]
pub struct WorkerProgress {
    /// Its number, from 1.
    pub worker: u32,
    /// What it does.
    pub action: WorkerAction,
    /// What it reads.
    pub source: Option<SourceName>,
    /// The stream.
    pub stream: Option<StreamName>,
    /// The split. A worker that helps another one with a large object has none, and is not idle.
    pub split: Option<SplitId>,
    /// The part of the source's work that the stream belongs to.
    pub phase: Option<String>,
    /// What the split is about, without secrets and cut to a bounded size.
    pub subject: BTreeMap<String, String>,
    /// Since when it has been reading this split.
    pub since: Option<Instant>,
    /// Batches of this split so far, in this run.
    pub batches: u64,
    /// Records of this split so far, in this run.
    pub records: u64,
    /// Which attempt at the split this is, from 1; 0 without a split.
    pub attempt: u32,
    /// Splits that it has finished in this run.
    pub splits_done: u64,
    /// Records that it has read in this run.
    pub records_done: u64,
}

impl WorkerProgress {
    /// A worker without a split.
    pub(crate) fn without_split(worker: u32, action: WorkerAction) -> Self {
        Self {
            worker,
            action,
            source: None,
            stream: None,
            split: None,
            phase: None,
            subject: BTreeMap::new(),
            since: None,
            batches: 0,
            records: 0,
            attempt: 0,
            splits_done: 0,
            records_done: 0,
        }
    }
}

/// A pool at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolProgress {
    /// Its name.
    pub name: Pool,
    /// How many places it has; absent if they are not counted.
    pub places: Option<usize>,
    /// How many are taken.
    pub taken: usize,
    /// How many splits wait for a place.
    pub waiting: usize,
}

impl Snapshot {
    /// Records of all sources.
    pub fn records(&self) -> u64 {
        self.sources.iter().map(|s| s.records).sum()
    }

    /// Bytes of all sources.
    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|s| s.bytes).sum()
    }
}
