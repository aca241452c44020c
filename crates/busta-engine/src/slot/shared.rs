//! What the slots of one source share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::Event;
use busta_core::report::Skipped;
use busta_core::settings::RetrySettings;
use busta_core::{Destination, Quality, RunId, Source, SourceName, Split, StreamName, Transform};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backlog::Backlog;
use crate::budget::Budget;
use crate::committer::Order;
use crate::feed::Feed;
use crate::hosts::Hosts;
use crate::phases::PhaseTimes;

/// What is reserved for a batch before the source has shown how large its batches are.
const FIRST_ESTIMATE: usize = 256 << 10;

/// What the slots of one source share.
pub struct SourceShared {
    pub index: usize,
    pub run: RunId,
    pub name: SourceName,
    pub source: Arc<dyn Source>,
    pub transform: Option<Arc<dyn Transform>>,
    pub quality: Option<Arc<dyn Quality>>,
    pub destination: Arc<dyn Destination>,
    pub orders: mpsc::Sender<Order>,
    pub hosts: Arc<Hosts>,
    pub budget: Arc<Budget>,
    pub clock: Arc<dyn Clock>,
    pub feed: Feed,
    pub retry: RetrySettings,
    pub request_timeout: Duration,
    /// How long the source's part of the run may take, and until when the run may.
    pub span: Option<Duration>,
    pub run_deadline: Option<Instant>,
    /// When its part of the run began.
    pub began: OnceLock<Instant>,
    /// No further batch is to be pulled.
    pub stop: CancellationToken,
    /// The pull under way is to be dropped.
    pub cut: CancellationToken,
    /// Parcels that are on their way to the destination.
    pub outstanding: AtomicUsize,
    /// How large its batches were last.
    pub batch_weight: AtomicUsize,
    /// What its slots spend their time on.
    pub phases: PhaseTimes,
    /// How many found splits wait.
    pub backlog: Backlog,
    /// Records that were filtered out, and doubts about those that were not.
    pub dropped: AtomicU64,
    pub warnings: AtomicU64,
    /// What the first different doubts say.
    pub first_warnings: Mutex<Vec<String>>,
    /// Splits that were passed over.
    pub skipped: Mutex<Skipped>,
    /// How many records each stream may still take, if the run has a limit.
    pub allowance: HashMap<StreamName, AtomicU64>,
    /// Requests of the splits of each stream.
    pub requests: HashMap<StreamName, AtomicU64>,
}

impl SourceShared {
    /// Until when it may be collected: its own span from its beginning, and the run's end.
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.began.get().zip(self.span).map(|(began, span)| *began + span);
        own.into_iter().chain(self.run_deadline).min()
    }

    /// Makes `event` one about a split.
    pub fn describe(&self, event: &mut Event, split: &Split) {
        event.source = Some(self.name.clone());
        event.phase = self.feed.phase(&self.name, &split.stream);
        event.about(split);
    }

    /// What is reserved for a batch that has not come yet.
    pub fn batch_estimate(&self) -> usize {
        self.batch_weight.load(Ordering::Relaxed).max(FIRST_ESTIMATE)
    }

    /// A split of `stream` has sent a request.
    pub fn requested(&self, stream: &StreamName) {
        if let Some(requests) = self.requests.get(stream) {
            requests.fetch_add(1, Ordering::Relaxed);
        }
    }
}
