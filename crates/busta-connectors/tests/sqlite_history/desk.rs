//! A destination with a logged table, and short ways to use it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use busta_connectors::registry;
use busta_core::clock::Clock;
use busta_core::connector::DestinationContext;
use busta_core::destination::Purge;
use busta_core::reading::history::{
    ChangesQuery, Difference, DifferenceQuery, Edit, EditWork, Edited, History, JsonText, PartQuery, Place,
    RowKey,
};
use busta_core::reading::{Condition, RowQuery};
use busta_core::report::Status;
use busta_core::{
    Chunk, Committed, DatasetSettings, Destination, Finish, Position, Records, Result, Step, StreamFinish,
    StreamSpec, WriteMode,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub const TABLE: &str = "sellers";

/// A row by its source and key.
pub type Set = BTreeMap<(String, String), Value>;

/// A clock that is put forward by hand, in seconds.
#[derive(Default)]
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        Self::at(self.seconds())
    }
}

pub fn spec(mode: WriteMode) -> StreamSpec {
    StreamSpec {
        write_mode: mode,
        dataset: DatasetSettings { change_log: true, snapshot: true, ..DatasetSettings::default() },
        ..StreamSpec::new(TABLE, vec!["id".into()])
    }
}

pub struct Desk {
    pub destination: Arc<dyn Destination>,
    pub clock: Arc<HandClock>,
}

impl Desk {
    pub fn open(folder: &Path) -> Self {
        Self::open_with(folder, Arc::default())
    }

    pub fn open_with(folder: &Path, clock: Arc<HandClock>) -> Self {
        let context = DestinationContext { base_dir: folder.to_owned(), clock: clock.clone() };
        let destination = (registry::destination("sqlite").unwrap().build)(json!({}), context).unwrap();
        Self { destination, clock }
    }

    pub fn history(&self) -> &dyn History {
        self.destination.history().unwrap()
    }

    /// A run of a source: its batches, each of which is a split, and its end.
    pub async fn collect(
        &self,
        run: &str,
        source: &str,
        spec: &StreamSpec,
        batches: &[Vec<Value>],
    ) -> Vec<Committed> {
        self.destination.prepare(&run.into(), &source.into(), std::slice::from_ref(spec)).await.unwrap();
        let mut done = Vec::new();
        for (n, batch) in batches.iter().enumerate() {
            done.push(self.commit(run, source, n, batch).await.unwrap());
        }
        self.finish(run, source).await;
        done
    }

    pub async fn commit(&self, run: &str, source: &str, split: usize, batch: &[Value]) -> Result<Committed> {
        self.destination.commit(&[self.chunk(run, source, split, batch)]).await.unwrap().remove(0)
    }

    pub fn chunk(&self, run: &str, source: &str, split: usize, batch: &[Value]) -> Chunk {
        let texts: Vec<String> = batch.iter().map(Value::to_string).collect();
        let records: Records = texts.iter().map(String::as_str).collect();
        Chunk {
            run: run.into(),
            source: source.into(),
            stream: TABLE.into(),
            step: Some(Step { split: split.to_string().into(), from: Position::Start, to: Position::Done }),
            staged: Some(self.destination.stage(&run.into(), &source.into(), &TABLE.into(), &records)),
            failures: vec![],
            high: None,
            found: vec![],
            starts: vec![],
        }
    }

    /// A source's part of a run ends without its stream being complete.
    pub async fn end(&self, run: &str, source: &str, status: Status) {
        let (run, source, streams) = (run.into(), source.into(), vec![]);
        self.destination.finish(&Finish { run, source, streams, status }).await.unwrap();
    }

    pub async fn finish(&self, run: &str, source: &str) {
        let streams = vec![StreamFinish { stream: TABLE.into(), starts: vec![] }];
        self.destination.finish(&Finish::completed(run.into(), source.into(), streams)).await.unwrap();
    }

    pub async fn purge(&self, source: &str, older_than: DateTime<Utc>) -> u64 {
        let mut purge = Purge { source: source.into(), older_than, batch: 3, after: None };
        let mut rows = 0;
        loop {
            let purged = self.destination.purge(&purge).await.unwrap();
            rows += purged.rows;
            match purged.next {
                Some(next) => purge.after = Some(next),
                None => return rows,
            }
        }
    }

    pub async fn edit(&self, source: Option<&str>, work: EditWork) -> Result<Edited> {
        let source = source.map(Into::into);
        self.history().edit(Edit { table: TABLE.into(), source, who: "ann".into(), work }).await
    }

    /// All rows at a place, read in small pages.
    pub async fn rows_at(&self, place: Place) -> Result<Set> {
        let mut part = PartQuery::of(TABLE, 3);
        let mut set = Set::new();
        loop {
            let page = self.history().rows_at(&place, &part).await?;
            for row in page.rows.iter() {
                let (key, fields) = split_off(serde_json::from_slice(row).unwrap());
                assert!(set.insert(key.clone(), fields).is_none(), "{key:?} comes twice");
            }
            match page.next {
                Some(next) => part.after = Some(next),
                None => return Ok(set),
            }
        }
    }

    /// All rows that are there.
    pub async fn rows(&self) -> Set {
        let mut query = RowQuery::of(TABLE, 1000);
        query.filter = Condition::parse_all("").unwrap();
        let page = self.destination.readable().page(&query).await.unwrap();
        page.rows.iter().map(|row| split_off(serde_json::from_slice(row).unwrap())).collect()
    }

    /// A whole difference, read in small pages.
    pub async fn difference(&self, from: Place, to: Place) -> Result<Difference> {
        let mut query = DifferenceQuery { table: TABLE.into(), from, to, after: None, limit: 2 };
        let mut whole = self.history().difference(&query).await?;
        while let Some(next) = whole.next.take() {
            query.after = Some(next);
            let page = self.history().difference(&query).await?;
            whole.added.extend(page.added);
            whole.removed.extend(page.removed);
            whole.changed.extend(page.changed);
            whole.next = page.next;
        }
        Ok(whole)
    }

    pub async fn changes(&self, since: u64) -> Vec<busta_core::reading::history::Change> {
        let mut query =
            ChangesQuery { table: TABLE.into(), since: Some(since), limit: 4, ..ChangesQuery::default() };
        let mut all = Vec::new();
        loop {
            let page = self.history().changes(&query).await.unwrap();
            all.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return all,
            }
        }
    }
}

/// The row's source and key, and its fields without ours.
pub fn split_off(mut record: Value) -> ((String, String), Value) {
    let fields = record.as_object_mut().unwrap();
    let source = fields.remove("_busta_source").unwrap();
    for own in ["_busta_run", "_busta_loaded_at"] {
        fields.remove(own).unwrap();
    }
    let key = (source.as_str().unwrap().to_owned(), fields["id"].to_string());
    (key, record)
}

pub fn text(value: &Value) -> JsonText {
    serde_json::value::to_raw_value(value).unwrap()
}

pub fn key(value: impl Into<Value>) -> RowKey {
    RowKey::Value(value.into())
}
