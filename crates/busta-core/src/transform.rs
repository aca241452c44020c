//! The contract of transforms: what happens to records between the reader and the destination.

use async_trait::async_trait;

use crate::error::Result;
use crate::failure::Failure;
use crate::ids::StreamName;
use crate::quality::SchemaQuality;
use crate::record::Records;

/// All that a source's configuration wants done to its records, in order.
///
/// Pure and per record: the same record gives the same result, whatever came before it and whoever
/// reads it. So batches may be transformed on any worker, in any order, and again after a crash. Only a step
/// that thins out repetitions looks at the records before one in its batch.
#[async_trait]
pub trait Transform: Send + Sync {
    /// Loads what it needs (side files, schemas). The engine calls it before anything of the source is
    /// read; an error fails the source, since its records could only be wrong without it. May be called
    /// again, and for every run.
    async fn prepare(&self) -> Result<()>;

    /// Transforms a batch, beside the reader and for many batches at once. It never fails as a whole,
    /// waits, or touches a disk; bad data becomes a failure or a warning, and the rest goes on.
    fn apply(&self, stream: &StreamName, records: &Records) -> Transformed;
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Transformed {
    /// The records that go on, in the order in which they came.
    pub records: Records,
    /// Records that could not be transformed, or are not valid. They do not go on.
    pub failures: Vec<Failure>,
    /// How many records were filtered out on purpose.
    pub dropped: u64,
    /// What is doubtful about records that go on.
    pub warnings: Vec<Warning>,
    /// What schemas said of the records that were held against them, also of those that do not go on.
    pub validated: Vec<SchemaQuality>,
}

/// Something doubtful about a record that goes on all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Who says so: `validate stac`.
    pub rule: String,
    /// What, in words, without secrets.
    pub message: String,
}
