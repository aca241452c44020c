//! The engine's side of [`Meter`]: counts a source's requests and heeds what their answers say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use busta_core::HostKey;
use busta_core::meter::{Meter, Request, Spare};
use tokio::time::Instant;

use crate::hosts::{Hosts, Place};
use crate::phases::Total;
use crate::places::Places;

/// Counts the requests of one source.
pub struct SourceMeter {
    hosts: Arc<Hosts>,
    requests: AtomicU64,
    bytes: AtomicU64,
    waited: Total,
    /// The places of the run that the source is part of, and its number there.
    run: Mutex<(Weak<Places>, usize)>,
}

impl SourceMeter {
    /// A meter that tells `hosts` about limits.
    pub fn new(hosts: Arc<Hosts>) -> Arc<Self> {
        Arc::new(Self {
            hosts,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waited: Total::default(),
            run: Mutex::default(),
        })
    }

    /// From now on the source is number `source` of the run that `places` belongs to.
    pub(crate) fn serve(&self, places: &Arc<Places>, source: usize) {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = (Arc::downgrade(places), source);
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

    fn spare(&self, host: &HostKey) -> Option<Spare> {
        let (places, source) = self.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let places = places.upgrade()?;
        // Asked first, so that a host which is full wakes nobody.
        self.hosts.would_admit(host, Instant::now()).ok()?;
        let worker = places.spare(source)?;
        let mut held = Held { places, source, worker, host: None, hosts: self.hosts.clone() };
        let place = self.hosts.admit(host, Instant::now()).ok()?;
        held.host = Some((host.clone(), place));
        Some(Spare::new(held))
    }

    fn turn(&self, host: &HostKey) -> bool {
        self.hosts.turn(host, Instant::now()).is_ok()
    }
}

/// The places that a spare request takes up.
struct Held {
    places: Arc<Places>,
    source: usize,
    worker: u32,
    host: Option<(HostKey, Place)>,
    hosts: Arc<Hosts>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((host, place)) = &self.host {
            self.hosts.release(host, *place);
        }
        self.places.release(self.source, self.worker);
    }
}
