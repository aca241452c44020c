//! Records into a destination without the engine: one chunk is all of one split.

use busta_core::{
    Chunk, Committed, Destination, Failure, Position, Records, Result, RunId, SourceName, SplitId, Step,
    StreamName,
};
use chrono::DateTime;

/// Where records land: a split of a stream of a source, in a run.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The run.
    pub run: RunId,
    /// The source, which must have been prepared.
    pub source: SourceName,
    /// The stream.
    pub stream: StreamName,
    /// The split.
    pub split: SplitId,
}

impl Landing {
    /// The place of that name.
    pub fn new(run: &str, source: &str, stream: &str, split: &str) -> Self {
        Self { run: run.into(), source: source.into(), stream: stream.into(), split: split.into() }
    }

    /// A chunk that holds `records` and is all of the split, with the failures that staging found.
    pub fn chunk<'r>(
        &self,
        destination: &dyn Destination,
        records: impl IntoIterator<Item = &'r str>,
    ) -> Chunk {
        let Self { run, source, stream, split } = self;
        let records: Records = records.into_iter().collect();
        let staged = destination.stage(run, source, stream, &records);
        let place = |failure: Failure| failure.place(run, source, stream, split, DateTime::UNIX_EPOCH);
        Chunk {
            run: run.clone(),
            source: source.clone(),
            stream: stream.clone(),
            step: Some(Step { split: split.clone(), from: Position::Start, to: Position::Done }),
            failures: staged.failures.iter().cloned().map(place).collect(),
            staged: Some(staged),
            high: None,
            found: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Commits [such a chunk](Self::chunk) by itself.
    ///
    /// # Errors
    /// If it cannot be committed, or is refused.
    pub async fn write<'r>(
        &self,
        destination: &dyn Destination,
        records: impl IntoIterator<Item = &'r str>,
    ) -> Result<Committed> {
        let chunk = self.chunk(destination, records);
        destination.commit(&[chunk]).await?.remove(0)
    }
}
