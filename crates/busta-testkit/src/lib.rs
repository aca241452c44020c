//! What tests of several crates share: a driver for sources and one for destinations without the engine,
//! scripted sources, faulty destinations, and the conformance suites that every implementation of a contract runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use this")]

pub mod conformance;
pub mod drive;
pub mod judges;
pub mod landing;
pub mod memory;
pub mod meter;
pub mod scripted;
