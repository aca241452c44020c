//! Views of sqlite against a straightforward computation over all rows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod histories;
#[cfg(feature = "failpoints")]
mod killed;
mod oracle;
mod others;
mod support;
