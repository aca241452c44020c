//! What tests of several crates share: a driver for sources without the engine, scripted sources,
//! faulty destinations, and the conformance suites that every implementation of a contract runs.

pub mod conformance;
pub mod drive;
