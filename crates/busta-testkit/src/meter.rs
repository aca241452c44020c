//! A meter that lets every reader ask ahead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use busta_core::HostKey;
use busta_core::meter::{Meter, Request};

/// Gives leave to ask ahead whenever it is asked for it.
#[derive(Default)]
pub struct Lenient(AtomicUsize);

impl Lenient {
    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Meter for Lenient {
    fn request(&self, _seen: &Request<'_>) {}

    fn bytes(&self, _count: u64) {}

    fn waited(&self, _time: Duration) {}

    fn ahead(&self, _host: &HostKey, _bytes: usize) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}
