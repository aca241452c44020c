//! Where batches land.

pub mod ndjson;
pub mod sqlite;
