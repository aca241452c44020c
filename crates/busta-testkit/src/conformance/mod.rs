//! Conformance suites: what every implementation of a contract must pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

pub mod destination;
mod destination_keep;
mod destination_modes;
mod destination_pages;
mod destination_purge;
mod destination_random;
mod destination_read;
mod destination_schema;
mod destination_steps;
mod destination_takeover;
