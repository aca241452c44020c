//! What is collected from.
pub mod rss;
