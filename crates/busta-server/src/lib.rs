//! The HTTP side of `busta serve`: the API, its description, the live activity and the dashboard's pages.
//!
//! What is served is asked of a [`Service`], which the binary implements over engine, store and
//! destinations; this crate knows HTTP and nothing of how data is collected. [`model`] is the vocabulary
//! of the API: each type is what a client gets as JSON, and its comments are the API's reference.
//!
//! # The way of a request
//!
//! ```text
//! serve      accepts, counts connections, bounds reading and writing in time
//! polish     at the end: headers of every answer, problem documents, the log, the counts
//! guard      who may: rates, length, origin, token or ticket
//! attend     a panic or a hanging service ends this request alone
//! routes/    a file for each resource; input.rs reads what it gets, content.rs makes what it gives
//! queue      what asks a database waits for its turn; cache has what is made from memory, for a moment
//! ```
//!
//! The live activity ([`Activity`]) is published to from any thread and read by position: no reader ever
//! holds a collector back.

mod activity;
mod app;
mod cache;
mod content;
mod encode;
mod input;
pub mod model;
mod openapi;
mod pages;
mod problem;
mod queue;
mod reference;
mod router;
mod routes;
mod security;
mod serve;
mod service;
mod settings;
mod traffic;
mod transport;

pub use activity::{Activity, ActivityCounts, Reading, RingLimits, StoredEvent};
pub use encode::Encoder;
pub use security::{RateLimit, Role, Token, TokenHash, TokenSet, Tokens};
pub use serve::serve;
pub use service::{EditRequest, RecordScan, Service};
pub use settings::{ServerLimits, ServerSettings};
pub use traffic::{RouteTraffic, Traffic};
