//! What a run is told to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::{Destination, Pool, Quality, RunId, Source, SourceName, StreamName, Transform};

use crate::hosts::Hosts;
use crate::meter::SourceMeter;

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
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceEntry>,
    /// The destinations that [`SourceEntry::destination`] counts into.
    pub destinations: Vec<Arc<dyn Destination>>,
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
}
