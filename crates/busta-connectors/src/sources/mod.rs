//! What is collected from.

pub mod api;
