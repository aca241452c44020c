//! Views of sqlite against a straightforward computation over all rows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts itself to be killed"
)]

mod histories;
#[cfg(feature = "failpoints")]
mod killed;
mod oracle;
mod others;
mod support;
