//! What tests of several crates share: a driver for sources without the engine, scripted sources,
//! faulty destinations, and the conformance suites that every implementation of a contract runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use this")]

pub mod conformance;
pub mod drive;
pub mod judges;
pub mod memory;
pub mod scripted;
