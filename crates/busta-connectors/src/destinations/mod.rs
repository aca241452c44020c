//! Where batches land.

pub mod sqlite;
