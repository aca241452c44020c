//! Where batches land.

pub mod ndjson;
