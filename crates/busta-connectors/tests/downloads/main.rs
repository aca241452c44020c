//! Downloads against real servers: the sandbox's objects with all that may go wrong with them, and a
//! server that answers as a test tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod assets;
mod bench;
mod disk;
mod faults;
mod kept;
mod ranges;
mod resume;
#[path = "../api/scripted.rs"]
mod scripted;
