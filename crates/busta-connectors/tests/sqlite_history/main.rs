//! Change logs, snapshots and edits of `sqlite`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cases;
mod dedupe;
mod desk;
#[cfg(feature = "failpoints")]
mod kills;
mod model;
mod random;
