//! Where batches land.

mod claims;
mod lake;
pub mod ndjson;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod sqlite;
pub mod stac;
