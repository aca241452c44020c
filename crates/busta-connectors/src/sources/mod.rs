//! What is collected from.

pub mod files;
