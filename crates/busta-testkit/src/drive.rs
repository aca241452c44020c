//! Reads a source to its end without the engine: one split after another, no limits, no retries.

use std::collections::{BTreeMap, HashSet, VecDeque};

use busta_core::{Batch, Checkpoint, Cursor, CursorValue, Failure, Result, Source, Split, SplitId};
use serde_json::Value;

/// Everything that a source gave.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Records by stream, in the order in which they were read.
    pub records: BTreeMap<String, Vec<Value>>,
    /// Failures with the split they belong to.
    pub failures: Vec<(SplitId, Failure)>,
    /// Start cursors of single splits.
    pub starts: BTreeMap<String, Cursor>,
    /// The newest cursor value of each stream.
    pub highs: BTreeMap<String, CursorValue>,
    /// The splits that were read, planned and found.
    pub splits: Vec<Split>,
    /// How many batches there were.
    pub batches: usize,
}

impl Harvest {
    /// The records of one stream.
    pub fn stream(&self, name: &str) -> &[Value] {
        self.records.get(name).map_or(&[], Vec::as_slice)
    }

    fn take(&mut self, split: &Split, batch: &Batch) {
        let stream = split.stream.as_str().to_owned();
        let records = self.records.entry(stream.clone()).or_default();
        for record in batch.records.iter() {
            let value: Value = serde_json::from_slice(record).expect("a record must be valid JSON");
            assert!(value.is_object(), "a record must be a JSON object: {value}");
            records.push(value);
        }
        self.failures.extend(batch.failures.iter().map(|f| (split.id.clone(), f.clone())));
        self.starts.extend(batch.starts.iter().cloned());
        if let Some(high) = &batch.high {
            let newest = match self.highs.remove(&stream) {
                Some(known) => known.max(high.clone()),
                None => high.clone(),
            };
            self.highs.insert(stream, newest);
        }
        self.batches += 1;
    }
}

/// Reads everything, keeping each reader open to the end of its split.
pub async fn read_all(source: &dyn Source, from: &Checkpoint) -> Result<Harvest> {
    read(source, from, false).await
}

/// Reads everything, dropping the reader after every batch and opening a new one at the cursor: what
/// a crash after every commit would do. Must give the same as [`read_all`].
pub async fn read_all_reopening(source: &dyn Source, from: &Checkpoint) -> Result<Harvest> {
    read(source, from, true).await
}

async fn read(source: &dyn Source, from: &Checkpoint, reopen: bool) -> Result<Harvest> {
    let mut harvest = Harvest::default();
    let mut known = HashSet::new();
    let mut waiting: VecDeque<Split> = source.plan(from).await?.into();
    while let Some(split) = waiting.pop_front() {
        assert!(known.insert(split.id.clone()), "split {} was named twice", split.id);
        let mut reader = source.open(&split, None).await?;
        while let Some(batch) = reader.next().await? {
            harvest.take(&split, &batch);
            waiting.extend(batch.found);
            if batch.done {
                break;
            }
            if reopen {
                reader = source.open(&split, Some(&batch.cursor)).await?;
            }
        }
        harvest.splits.push(split);
    }
    Ok(harvest)
}
