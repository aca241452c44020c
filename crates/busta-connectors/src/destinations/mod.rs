//! Where batches land.
