//! Chance that is the same whenever it is asked: by a source's name and a time.

use std::time::Duration;

use busta_core::SourceName;
use chrono::{DateTime, Utc};

/// A delay between zero and `most`, both included.
pub(super) fn jitter(source: &SourceName, due: DateTime<Utc>, most: Duration) -> Duration {
    let seed = fnv(source.as_str().bytes().chain(due.timestamp_millis().to_le_bytes()));
    most.mul_f64(fastrand::Rng::with_seed(seed).f64())
}

/// FNV-1a of 64 bits: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>. The standard library's
/// hasher may change with its version.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
