//! Conformance suites: what every implementation of a contract must pass.

pub mod destination;
mod destination_modes;
mod destination_random;
mod destination_read;
mod destination_schema;
mod destination_steps;
