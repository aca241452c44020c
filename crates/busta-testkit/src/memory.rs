//! A destination in memory: the contract in its shortest form, with faults on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use busta_core::destination::{ColumnInfo, Readable, Scan, SchemaChange, TableInfo};
use busta_core::{
    Checkpoint, Chunk, Committed, Cursor, Destination, Error, Failure, Finish, Position, Records, Result,
    RunId, SourceName, Split, SplitState, Staged, StreamName, StreamSpec, WriteMode,
};

/// Rows, positions and start cursors in memory. Rows are only appended: a test that wants to know
/// whether something came twice must be able to see it.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    rows: BTreeMap<(SourceName, StreamName), Vec<String>>,
    /// The run that has written last to each source.
    run: HashMap<SourceName, RunId>,
    /// By run that may take its source over: the run that it was when this one was prepared.
    claims: HashMap<(SourceName, RunId), Option<RunId>>,
    checkpoints: HashMap<SourceName, Checkpoint>,
    /// Streams that are replaced, with the start cursors that hold once they are finished.
    replaced: HashMap<(SourceName, StreamName), Vec<(String, Cursor)>>,
    failures: Vec<Failure>,
    faults: VecDeque<Error>,
    commits: usize,
    panics: bool,
    finishes: Vec<Finish>,
}

impl Memory {
    /// Lets the next calls of `commit` fail with these errors, one each.
    pub fn fail_commits(&self, errors: impl IntoIterator<Item = Error>) {
        self.lock().faults.extend(errors);
    }

    /// Lets the next commit panic.
    pub fn panic_once(&self) {
        self.lock().panics = true;
    }

    /// All rows of a source, sorted.
    pub fn rows(&self, source: &str) -> Vec<String> {
        let inner = self.lock();
        let mut rows: Vec<String> = inner
            .rows
            .iter()
            .filter(|((name, _), _)| name.as_str() == source)
            .flat_map(|(_, rows)| rows.clone())
            .collect();
        rows.sort();
        rows
    }

    /// The failures, in the order in which they were stored.
    pub fn stored_failures(&self) -> Vec<Failure> {
        self.lock().failures.clone()
    }

    /// What was finished, in order.
    pub fn finishes(&self) -> Vec<Finish> {
        self.lock().finishes.clone()
    }

    /// How many commits there were.
    pub fn commits(&self) -> usize {
        self.lock().commits
    }

    /// Sets a start cursor.
    pub fn set_start(&self, source: &str, key: &str, cursor: Cursor) {
        let source = SourceName::from(source);
        self.lock().checkpoints.entry(source).or_default().starts.insert(key.into(), cursor);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Destination for Memory {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        let mut inner = self.lock();
        for stream in streams.iter().filter(|stream| stream.write_mode == WriteMode::Replace) {
            inner.replaced.entry((source.clone(), stream.name.clone())).or_default();
        }
        let mut checkpoint = inner.checkpoints.get(source).cloned().unwrap_or_default();
        let stored = inner.run.get(source).cloned();
        if stored.as_ref() != Some(run) {
            checkpoint.splits.clear();
            checkpoint.finished.clear();
            inner.claims.insert((source.clone(), run.clone()), stored);
        }
        Ok(checkpoint)
    }

    fn stage(&self, _run: &RunId, _source: &SourceName, _stream: &StreamName, records: &Records) -> Staged {
        let rows: Vec<String> = records.iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect();
        Staged {
            rows: rows.len() as u64,
            bytes: records.bytes(),
            weight: records.weight(),
            failures: Vec::new(),
            body: Box::new(rows),
        }
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        // A commit takes a moment, in which other tasks run.
        tokio::task::yield_now().await;
        assert!(!std::mem::take(&mut self.lock().panics), "the destination was told to panic");
        let mut inner = self.lock();
        inner.commits += 1;
        match inner.faults.pop_front() {
            Some(error) => Err(error),
            None => Ok(chunks.iter().map(|chunk| inner.commit(chunk)).collect()),
        }
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        let mut inner = self.lock();
        if inner.is_new(&finish.run, &finish.source)? {
            inner.take_over(&finish.run, &finish.source);
        }
        for stream in &finish.streams {
            let held = inner.replaced.remove(&(finish.source.clone(), stream.stream.clone()));
            let checkpoint = inner.checkpoints.entry(finish.source.clone()).or_default();
            checkpoint.starts.extend(held.into_iter().flatten().chain(stream.starts.iter().cloned()));
            checkpoint.finished.insert(stream.stream.clone());
        }
        inner.finishes.push(finish.clone());
        Ok(())
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        Vec::new()
    }

    fn readable(&self) -> &dyn Readable {
        self
    }
}

impl Inner {
    /// Whether `run` is still to take `source` over; a conflict if it may not.
    fn is_new(&self, run: &RunId, source: &SourceName) -> Result<bool> {
        let stored = self.run.get(source);
        if stored == Some(run) {
            return Ok(false);
        }
        match self.claims.get(&(source.clone(), run.clone())) {
            Some(seen) if seen.as_ref() == stored => Ok(true),
            _ => Err(Error::conflict(format!("{source} is not being collected by run {run}"))),
        }
    }

    fn take_over(&mut self, run: &RunId, source: &SourceName) {
        self.run.insert(source.clone(), run.clone());
        self.claims.remove(&(source.clone(), run.clone()));
        self.replaced.iter_mut().filter(|((of, _), _)| of == source).for_each(|(_, held)| held.clear());
        let checkpoint = self.checkpoints.entry(source.clone()).or_default();
        checkpoint.splits.clear();
        checkpoint.finished.clear();
    }

    fn commit(&mut self, chunk: &Chunk) -> Result<Committed> {
        if self.is_new(&chunk.run, &chunk.source)? {
            match &chunk.step {
                Some(step) if step.from != Position::Start => {
                    return Err(Error::conflict(format!("{} is not at {:?}", step.split, step.from)));
                }
                _ => self.take_over(&chunk.run, &chunk.source),
            }
        }
        let checkpoint = self.checkpoints.entry(chunk.source.clone()).or_default();
        if let Some(step) = &chunk.step {
            let at = checkpoint.position(&step.split);
            if at == step.to {
                return Ok(Committed { already: true, ..Committed::default() });
            }
            if at != step.from {
                return Err(Error::conflict(format!("{} is at {at:?}, not at {:?}", step.split, step.from)));
            }
            let found = checkpoint.splits.remove(&step.split).and_then(|state| state.found);
            let found = if step.to == Position::Done { found.map(Split::emptied) } else { found };
            let state = SplitState { position: step.to.clone(), high: chunk.high.clone(), found };
            checkpoint.splits.insert(step.split.clone(), state);
        }
        for split in &chunk.found {
            checkpoint.splits.entry(split.id.clone()).or_insert_with(|| SplitState {
                position: Position::Start,
                high: None,
                found: Some(split.clone()),
            });
        }
        match self.replaced.get_mut(&(chunk.source.clone(), chunk.stream.clone())) {
            Some(held) => held.extend(chunk.starts.iter().cloned()),
            None => checkpoint.starts.extend(chunk.starts.iter().cloned()),
        }
        for failure in &chunk.failures {
            if !self.failures.iter().any(|known| known.id == failure.id) {
                self.failures.push(failure.clone());
            }
        }
        let rows = chunk.staged.as_ref().and_then(|staged| staged.body.downcast_ref::<Vec<String>>());
        let rows = rows.cloned().unwrap_or_default();
        let inserted = rows.len() as u64;
        self.rows.entry((chunk.source.clone(), chunk.stream.clone())).or_default().extend(rows);
        Ok(Committed { inserted, ..Committed::default() })
    }
}

#[async_trait]
impl Readable for Memory {
    async fn tables(&self) -> Result<Vec<TableInfo>> {
        Ok(Vec::new())
    }

    async fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>> {
        Err(Error::not_found(format!("there is no table {table}")))
    }

    async fn scan(&self, table: &str) -> Result<Box<dyn Scan>> {
        Err(Error::not_found(format!("there is no table {table}")))
    }

    async fn failures(&self, _run: Option<&RunId>, limit: usize) -> Result<Vec<Failure>> {
        Ok(self.lock().failures.iter().take(limit).cloned().collect())
    }
}
