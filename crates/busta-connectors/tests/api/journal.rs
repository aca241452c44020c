//! What a destination remembers of a source, so that a run can be cut off after any batch and go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use busta_core::{Batch, Checkpoint, Cursor, CursorValue, Position, Source, Split, SplitState};
use serde_json::Value;

/// A destination in memory, which a run can be cut off from.
#[derive(Default)]
pub struct Journal {
    checkpoint: Checkpoint,
    /// Every record of each stream, in the order in which they came.
    pub records: BTreeMap<String, Vec<Value>>,
    pub failures: usize,
}

impl Journal {
    /// Collects until `source` is read to its end, or until `batches` are committed; says whether it came to its
    /// end. A run that was cut off goes on with the next call.
    pub async fn collect(&mut self, source: &dyn Source, batches: usize) -> bool {
        let planned = source.plan(&self.checkpoint).await.unwrap();
        let known: Vec<Split> =
            self.checkpoint.splits.values().filter_map(|state| state.found.clone()).collect();
        let mut waiting: VecDeque<Split> = planned.into_iter().chain(known).collect();
        let mut left = batches;
        while let Some(split) = waiting.pop_front() {
            let mut reader = match self.checkpoint.position(&split.id) {
                Position::Done => continue,
                Position::At(cursor) => source.open(&split, Some(&cursor)).await.unwrap(),
                Position::Start => source.open(&split, None).await.unwrap(),
            };
            loop {
                if left == 0 {
                    return false;
                }
                left -= 1;
                let Some(batch) = reader.next().await.unwrap() else { break };
                let done = batch.done;
                waiting.extend(self.commit(&split, batch));
                if done {
                    break;
                }
            }
        }
        self.finish();
        true
    }

    fn commit(&mut self, split: &Split, batch: Batch) -> Vec<Split> {
        let records = batch.records.iter().map(|record| serde_json::from_slice(record).unwrap());
        self.records.entry(split.stream.as_str().to_owned()).or_default().extend(records);
        self.failures += batch.failures.len();
        self.checkpoint.starts.extend(batch.starts);
        let found: Vec<Split> =
            batch.found.into_iter().filter(|found| !self.checkpoint.splits.contains_key(&found.id)).collect();
        for one in &found {
            // As a destination stores it.
            let stored: Split = serde_json::from_str(&serde_json::to_string(one).unwrap()).unwrap();
            let state = SplitState { position: Position::Start, high: None, found: Some(stored) };
            self.checkpoint.splits.insert(one.id.clone(), state);
        }
        let position = if batch.done { Position::Done } else { Position::At(batch.cursor) };
        let state = self.checkpoint.splits.entry(split.id.clone()).or_insert(SplitState {
            position: Position::Start,
            high: None,
            found: None,
        });
        state.position = position;
        state.high = newer(state.high.take(), batch.high);
        found
    }

    /// The end of a run: where streams start next, and no more positions.
    fn finish(&mut self) {
        for (id, state) in std::mem::take(&mut self.checkpoint.splits) {
            let stream = id.as_str().split(['/', '?', '@', '~']).next().unwrap().to_owned();
            let known = self.checkpoint.starts.get(&stream).map(|start| start.decode().unwrap());
            if let Some(high) = newer(known, state.high) {
                self.checkpoint.starts.insert(stream, Cursor::encode(&high).unwrap());
            }
        }
    }

    /// The different values of `field` in a stream's records, in order.
    pub fn ids(&self, stream: &str, field: &str) -> Vec<String> {
        let records = self.records.get(stream).into_iter().flatten();
        let ids: BTreeSet<String> =
            records.map(|record| record[field].as_str().unwrap().to_owned()).collect();
        ids.into_iter().collect()
    }

    /// The start cursors, by their keys.
    pub fn starts(&self) -> BTreeMap<String, String> {
        let starts = self.checkpoint.starts.iter();
        starts.map(|(key, cursor)| (key.clone(), cursor.as_str().to_owned())).collect()
    }
}

fn newer(a: Option<CursorValue>, b: Option<CursorValue>) -> Option<CursorValue> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}
