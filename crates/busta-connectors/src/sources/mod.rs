//! What is collected from.

pub mod api;
pub mod rss;
pub mod files;
