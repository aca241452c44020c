//! What is collected from.

pub mod api;
pub mod archive;
pub mod files;
pub mod rss;
pub mod stac;
