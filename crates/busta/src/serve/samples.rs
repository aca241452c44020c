//! Samples of the last hour: throughput, processors, memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_server::model::{ResourceSample, RunTotals, ThroughputSample};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::views;
use crate::process;
use crate::wiring::Wired;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// An hour of them.
const KEPT: usize = 720;

/// The samples so far, oldest first.
#[derive(Default)]
pub struct Samples {
    throughput: Mutex<VecDeque<ThroughputSample>>,
    resources: Mutex<VecDeque<ResourceSample>>,
}

impl Samples {
    /// Records, bytes and requests a second.
    pub fn throughput(&self) -> Vec<ThroughputSample> {
        self.throughput.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// What the process has used.
    pub fn resources(&self) -> Vec<ResourceSample> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Takes samples until `stop`. Runs on the runtime that collects, whose tasks it counts.
    pub async fn take(self: Arc<Self>, wired: Arc<Wired>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut before = Before {
            at: Instant::now(),
            totals: views::since_start(&wired),
            received: received(&wired),
            processor: process::processor_time(),
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let now = Instant::now();
            let seconds = (now - before.at).as_secs_f64();
            let totals = views::since_start(&wired);
            let per_s = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            let received = received(&wired);
            push(
                &self.throughput,
                ThroughputSample {
                    at: clock.now(),
                    records_per_s: per_s(totals.records, before.totals.records),
                    bytes_per_s: per_s(totals.bytes, before.totals.bytes),
                    requests_per_s: per_s(totals.requests, before.totals.requests),
                },
            );
            // Files below /proc are read at once, without waiting.
            let processor = process::processor_time();
            push(
                &self.resources,
                ResourceSample {
                    at: clock.now(),
                    processors: processor.saturating_sub(before.processor).as_secs_f64() / seconds,
                    memory_bytes: process::of(std::process::id()).map_or(0, |seen| seen.memory),
                    file_descriptors: process::open_files().unwrap_or(0),
                    received_bytes_per_s: per_s(received, before.received),
                    tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
                },
            );
            before = Before { at: now, totals, received, processor };
        }
    }
}

struct Before {
    at: Instant,
    totals: RunTotals,
    received: u64,
    processor: Duration,
}

/// Bytes that came over the network: those of sources that have sent requests. The others read files.
fn received(wired: &Wired) -> u64 {
    let meters = wired.config.sources.iter().filter_map(|source| wired.meter(&source.name));
    let figures = meters.map(|meter| meter.figures());
    figures.filter(|figures| figures.requests > 0).map(|figures| figures.bytes).sum()
}

fn push<T>(samples: &Mutex<VecDeque<T>>, sample: T) {
    let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    if samples.len() == KEPT {
        samples.pop_front();
    }
    samples.push_back(sample);
}
