//! What a run is told to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::{Destination, Pool, Quality, RunId, Source, SourceName, StreamName, Transform};

use tokio::sync::Mutex;

use crate::budget::Budget;
use crate::hosts::Hosts;
use crate::meter::SourceMeter;
use crate::places::Capacity;
use crate::spending::EarlierRequests;

/// One run: its sources, their destinations and the settings.
pub struct RunPlan {
    /// Its identity; that of the earlier run if this goes on with one.
    pub run: RunId,
    /// Whether the destination may know of this run already, because this goes on with it.
    pub resumed: bool,
    /// Read everything again and replace what is there, instead of going on from the start cursors.
    pub full_refresh: bool,
    /// Whether `settings.concurrency` applies; otherwise one split at a time, source by source.
    pub parallel: bool,
    /// Stop each stream with the batch that reaches this many records; where the next run starts then
    /// stays as it is, but for splits that were read to their end.
    pub limit: Option<u64>,
    /// The seed of all chance in the run (the jitter of retries).
    pub seed: u64,
    /// Settings that concern no single source.
    pub settings: EngineSettings,
    /// The limits of hosts, shared with the meters of the sources.
    pub hosts: Arc<Hosts>,
    /// The places of the process.
    pub capacity: Arc<Capacity>,
    /// The memory of the process for records on their way.
    pub budget: Arc<Budget>,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceEntry>,
    /// The destinations that [`SourceEntry::destination`] counts into.
    pub destinations: Vec<Arc<SharedDestination>>,
}

/// A destination of the process. All runs write into it, one after another: what one commits is not mixed
/// with what another does.
pub struct SharedDestination {
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) turn: Mutex<()>,
}

impl SharedDestination {
    /// The only one for `destination` in this process.
    pub fn new(destination: Arc<dyn Destination>) -> Arc<Self> {
        Arc::new(Self { destination, turn: Mutex::new(()) })
    }
}

/// One source of a run.
pub struct SourceEntry {
    /// Its name.
    pub name: SourceName,
    /// Its type, for reports.
    pub kind: String,
    /// The pool whose places its splits share.
    pub pool: Pool,
    /// Its settings.
    pub settings: SourceSettings,
    /// The source itself.
    pub source: Arc<dyn Source>,
    /// What is done to its records on their way.
    pub transform: Option<Arc<dyn Transform>>,
    /// What measures them.
    pub quality: Option<Arc<dyn Quality>>,
    /// Which destination it lands in.
    pub destination: usize,
    /// Where its requests are counted: the one that the source was built with.
    pub meter: Arc<SourceMeter>,
    /// How long a split of each stream took in earlier runs.
    pub expected: HashMap<StreamName, Duration>,
    /// How many requests the splits of each stream took in earlier runs.
    pub earlier: EarlierRequests,
}
