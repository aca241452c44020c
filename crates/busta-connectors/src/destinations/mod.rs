//! Where batches land.

pub mod sqlite;
pub mod ndjson;
