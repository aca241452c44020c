//! Where batches land.

mod claims;
pub mod ndjson;
pub mod sqlite;
