//! Feeds.
pub mod feed;
