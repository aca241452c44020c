//! The HTTP side of `busta serve`: the API, its description, the live activity and the dashboard's pages.
//!
//! What is served is asked of a [`Service`], which the binary implements over engine, store and
//! destinations; this crate knows HTTP and nothing of how data is collected. [`model`] is the vocabulary
//! of the API: each type is what a client gets as JSON, and its comments are the API's reference.

pub mod model;
mod service;

pub use service::{RecordScan, Service};
