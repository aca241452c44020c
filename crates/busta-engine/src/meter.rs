//! The engine's side of [`Meter`]: counts a source's requests and heeds what their answers say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use busta_core::meter::{Meter, Request};
use tokio::time::Instant;

use crate::hosts::Hosts;
use crate::phases::Total;

/// Counts the requests of one source.
pub struct SourceMeter {
    hosts: Arc<Hosts>,
    requests: AtomicU64,
    bytes: AtomicU64,
    waited: Total,
}

impl SourceMeter {
    /// A meter that tells `hosts` about limits.
    pub fn new(hosts: Arc<Hosts>) -> Arc<Self> {
        Arc::new(Self {
            hosts,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waited: Total::default(),
        })
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How long its readers have waited for servers and disks.
    pub fn waited_for(&self) -> Duration {
        self.waited.get()
    }

    /// Bytes received or read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Meter for SourceMeter {
    fn request(&self, seen: &Request<'_>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(seen.bytes, Ordering::Relaxed);
        self.waited.add(seen.latency);
        self.hosts.requested(seen, Instant::now());
    }

    fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    fn waited(&self, time: Duration) {
        self.waited.add(time);
    }
}
