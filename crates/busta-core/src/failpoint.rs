//! Named places where a test can kill the process, to prove what a crash there leaves behind.
//!
//! Compiled to nothing unless the feature `failpoints` is on. With it, the binary arms one point
//! from `BUSTA_FAILPOINT=name` or `name:N` (die at the N-th time it is passed, 1 by default).

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<(String, AtomicU64)> = OnceLock::new();

    /// Arms the point named in `spec` (`name` or `name:N`). Only the first call counts.
    pub fn arm(spec: &str) {
        let (name, nth) = spec.rsplit_once(':').unwrap_or((spec, "1"));
        let _ = ARMED.set((name.to_owned(), AtomicU64::new(nth.parse().unwrap_or(1))));
    }

    /// Dies here, as by `kill -9`, if this point is armed and its count is reached.
    pub fn hit(name: &str) {
        if let Some((armed, left)) = ARMED.get()
            && armed == name
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            // SIGKILL runs no destructor and flushes no buffer, and neither does an abort.
            std::process::abort();
        }
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{arm, hit};

/// Marks a place where a test can kill the process.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_name: &str) {}
