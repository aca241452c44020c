//! `sqlite`: one file, one table per stream, readable by any SQLite tool while busta writes.
//!
//! Rows, failures, positions and start cursors of a commit are one transaction of one database, in
//! WAL mode with `synchronous = FULL`: when `commit` returns, they survive a power cut.
//!
//! # Layout
//!
//! A table has a column per top-level field (see [`schema`] for how values are represented, and
//! [`names`] for how names are), and `_busta_run`, `_busta_source`, `_busta_loaded_at`. In a table of
//! keyed streams `_busta_key` holds the primary key of the row (the value itself for one field, a
//! JSON array for several), unique per source. It repeats the key on purpose: columns of fields may
//! change their type or run out without any index being rebuilt, streams with other keys or with none
//! may share the table, and `1` and `"1"` stay two keys.
//!
//! `_busta_splits`, `_busta_starts`, `_busta_sources`, `_busta_finished` are the checkpoint,
//! `_busta_held_starts` the start cursors that belong to rows in `_busta_next_NAME`,
//! `_busta_failures` the failures store, `_busta_tables` and `_busta_columns` the catalogue;
//! `_busta_next_NAME` holds the rows of `replace` streams until their run is complete. What [`views`] and
//! change logs ([`history`]) add stands there.
//!
//! # Threads
//!
//! [`stage`] does the processor's part on the caller's thread. One thread of our own binds and steps
//! statements; it is started by the first call that writes, and joined when the destination is
//! dropped. Readers have connections of their own on blocking threads.

mod checkpoint;
mod commit;
mod condition;
mod config;
mod counts;
mod errors;
mod failures;
mod history;
mod insert;
mod lent;
mod names;
mod open;
mod page;
mod purge;
mod read;
mod replace;
mod rows;
mod schema;
mod stage;
mod views;
mod widen;
mod writer;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use busta_core::clock::Clock;
use busta_core::connector::{Built, DestinationConnector, DestinationContext};
use busta_core::destination::{Purge, Purged, Readable, SchemaChange};
use busta_core::reading::history::History;
use busta_core::{
    Checkpoint, Chunk, Committed, DatasetSettings, Destination, Error, Finish, Records, Result, RunId,
    SourceName, Staged, StreamName, StreamSpec, WriteMode,
};
use chrono::{DateTime, Utc};
use schemars::SchemaGenerator;
use serde_json::Value;

pub use config::SqliteConfig;
pub use views::VIEW_FAILPOINTS;

use commit::Entry;
use config::Location;
use errors::At;
use read::Reading;
use schema::Wanted;
use writer::{Handle, Writer};

use crate::destinations::claims::{Claims, refused};

/// The places where a test can kill the process (see [`busta_core::failpoint`]), in their order.
pub const FAILPOINTS: &[&str] = &[
    "sqlite.prepare.before_commit",
    "sqlite.prepare.after_commit",
    "sqlite.commit.begin",
    "sqlite.commit.rows_written",
    "sqlite.commit.before_commit",
    "sqlite.commit.after_commit",
    "sqlite.finish.before_commit",
    "sqlite.finish.after_commit",
];

/// Those of a purge, which is no part of a run.
pub const PURGE_FAILPOINTS: [&str; 2] = ["sqlite.purge.before_commit", "sqlite.purge.after_commit"];

/// Those of an edit by hand.
pub const EDIT_FAILPOINTS: [&str; 2] = ["sqlite.edit.before_commit", "sqlite.edit.after_commit"];

/// `destination: { type: sqlite }`.
pub static CONNECTOR: DestinationConnector = DestinationConnector {
    name: "sqlite",
    summary: "one SQLite file with a table per stream (the default)",
    example: "destination:\n  type: sqlite\n  path: busta.db\n",
    schema: |generator: &mut SchemaGenerator| generator.subschema_for::<SqliteConfig>(),
    build,
};

fn build(keys: Value, context: DestinationContext) -> Built<Arc<dyn Destination>> {
    let config = SqliteConfig::read(keys)?;
    Ok(Arc::new(SqliteDestination::new(&config, &context)))
}

type Specs = HashMap<SourceName, HashMap<StreamName, Arc<StreamSpec>>>;

/// See the [module's documentation](self).
pub struct SqliteDestination {
    /// Dropped before the writer, which tidies up when its connection is the last.
    reading: Reading,
    location: Location,
    clock: Arc<dyn Clock>,
    /// Streams as they were prepared.
    specs: RwLock<Specs>,
    writer: Mutex<Option<Writer>>,
    changes: Arc<Mutex<Vec<SchemaChange>>>,
    claims: Arc<Mutex<Claims>>,
}

impl SqliteDestination {
    /// A destination; nothing is opened before it is needed.
    pub fn new(config: &SqliteConfig, context: &DestinationContext) -> Self {
        let location = config.place(&context.base_dir);
        Self {
            reading: Reading::new(location.clone()),
            location,
            clock: context.clock.clone(),
            specs: RwLock::default(),
            writer: Mutex::new(None),
            changes: Arc::default(),
            claims: Arc::default(),
        }
    }

    fn spec(&self, source: &SourceName, stream: &StreamName) -> Option<Arc<StreamSpec>> {
        self.specs.read().ok()?.get(source)?.get(stream).cloned()
    }

    fn is_replaced(&self, chunk: &Chunk) -> bool {
        let spec = self.spec(&chunk.source, &chunk.stream);
        spec.is_some_and(|spec| spec.write_mode == WriteMode::Replace)
    }

    /// The tables of a source of which there are snapshots.
    fn snapshots(&self, source: &SourceName) -> BTreeSet<String> {
        let Ok(specs) = self.specs.read() else { return BTreeSet::new() };
        let streams = specs.get(source).into_iter().flat_map(HashMap::values);
        streams.filter(|spec| spec.dataset.snapshot).map(|spec| spec.table.clone()).collect()
    }

    fn handle(&self) -> Result<Handle> {
        let broken = || Error::bug("the writer's thread is gone");
        let mut writer = self.writer.lock().map_err(|_| broken())?;
        if writer.is_none() {
            *writer = Some(Writer::start(self.location.clone(), self.changes.clone())?);
        }
        writer.as_ref().and_then(Writer::handle).ok_or_else(broken)
    }
}

#[async_trait]
impl Destination for SqliteDestination {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        check(source, streams)?;
        let (run, of, wanted_streams) = (run.clone(), source.clone(), streams.to_vec());
        let known = streams.iter().map(|s| (s.name.clone(), Arc::new(s.clone()))).collect();
        let (claims, now) = (self.claims.clone(), self.clock.now());
        let handle = self.handle()?;
        let checkpoint = handle
            .run(move |session| {
                let path = session.location().path.clone();
                let body = |connection: &rusqlite::Connection, catalogue: &mut schema::Catalogue| {
                    for stream in &wanted_streams {
                        if !catalogue.ensure(connection, &wanted(stream)).at(&path)? {
                            return Err(foreign(&stream.table, &path));
                        }
                        history::settle(connection, catalogue, &stream.table, &stream.dataset, now)
                            .at(&path)?;
                        views::prepare(connection, &stream.table, stream.dataset.view.as_ref(), now)
                            .at(&path)?;
                    }
                    let stored = checkpoint::run_of(connection, &of).at(&path)?;
                    locked(&claims).prepared(&of, &run, stored.as_ref());
                    checkpoint::load(connection, &run, &of).at(&path)
                };
                session.transaction(body, "sqlite.prepare.before_commit", "sqlite.prepare.after_commit")
            })
            .await?;
        for stream in streams.iter().filter(|stream| stream.dataset.view.is_some()) {
            views::build(&handle, &stream.table).await?;
        }
        if let Ok(mut specs) = self.specs.write() {
            specs.insert(source.clone(), known);
        }
        Ok(checkpoint)
    }

    fn stage(&self, _run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged {
        let (rows, failures) = stage::stage(self.spec(source, stream), records);
        Staged {
            rows: rows.rows.len() as u64,
            bytes: records.bytes(),
            weight: rows.weight(),
            failures,
            body: Box::new(Arc::new(rows)),
        }
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let entry = |chunk: &Chunk| Entry::new(chunk, self.is_replaced(chunk), now);
        let entries = chunks.iter().map(entry).collect::<Result<Vec<_>>>()?;
        let claims = self.claims.clone();
        self.handle()?
            .run(move |session| {
                let path = session.location().path.clone();
                let mut claims = locked(&claims);
                let outcomes = session.transaction(
                    |connection, catalogue| {
                        commit::write(connection, catalogue, &claims, &entries, now).at(&path)
                    },
                    "sqlite.commit.before_commit",
                    "sqlite.commit.after_commit",
                )?;
                for (entry, outcome) in entries.iter().zip(&outcomes) {
                    if outcome.is_ok() {
                        claims.settle(&entry.source, &entry.run);
                    }
                }
                Ok(outcomes)
            })
            .await
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        let finish = finish.clone();
        let specs = finish
            .streams
            .iter()
            .map(|s| {
                self.spec(&finish.source, &s.stream).ok_or_else(|| insert::unprepared(s.stream.as_str()))
            })
            .collect::<Result<Vec<_>>>()?;
        let snapshots = self.snapshots(&finish.source);
        if specs.is_empty() && snapshots.is_empty() {
            return Ok(());
        }
        let (claims, now) = (self.claims.clone(), self.clock.now());
        self.handle()?
            .run(move |session| {
                let path = session.location().path.clone();
                let mut claims = locked(&claims);
                session.transaction(
                    |connection, catalogue| {
                        let (run, source) = (&finish.run, &finish.source);
                        match checkpoint::run_of(connection, source).at(&path)? {
                            Some(known) if known == *run => {}
                            // What other runs have left is theirs until this one has something to say.
                            _ if specs.is_empty() => {}
                            other if claims.allow(source, run, other.as_ref()) => {
                                checkpoint::take_over(connection, catalogue, run, source).at(&path)?;
                            }
                            other => return Err(refused(source, run, other.as_ref())),
                        }
                        end(connection, catalogue, &finish, &specs, now).at(&path)?;
                        for table in snapshots.iter().filter_map(|table| catalogue.table(table)) {
                            history::snapshot(connection, table, &finish, now).at(&path)?;
                        }
                        Ok(())
                    },
                    "sqlite.finish.before_commit",
                    "sqlite.finish.after_commit",
                )?;
                if !specs.is_empty() {
                    claims.settle(&finish.source, &finish.run);
                }
                Ok(())
            })
            .await
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged> {
        purge::run(self, purge).await
    }

    fn check_dataset(&self, _settings: &DatasetSettings) -> Result<(), String> {
        Ok(())
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        self.changes.lock().map(|mut changes| std::mem::take(&mut *changes)).unwrap_or_default()
    }

    fn readable(&self) -> &dyn Readable {
        &self.reading
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }
}

/// Only the writer's thread takes it, so nobody waits.
fn locked(claims: &Mutex<Claims>) -> MutexGuard<'_, Claims> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wanted(stream: &StreamSpec) -> Wanted<'_> {
    let keyed = stream.write_mode != WriteMode::Append;
    Wanted {
        table: &stream.table,
        primary_key: if keyed { &stream.primary_key } else { &[] },
        shadow: stream.write_mode == WriteMode::Replace,
    }
}

/// What a source's streams may not do, whatever the database holds.
fn check(source: &SourceName, streams: &[StreamSpec]) -> Result<()> {
    for (n, stream) in streams.iter().enumerate() {
        commit::check_table(&stream.table)?;
        let twin = streams[..n].iter().find(|other| {
            other.table.eq_ignore_ascii_case(&stream.table)
                && [other.write_mode, stream.write_mode].contains(&WriteMode::Replace)
        });
        if let Some(twin) = twin {
            let table = &stream.table;
            return Err(Error::config(format!(
                "streams `{}` and `{}` of {source} share the table `{table}`, which one of them replaces",
                twin.name, stream.name
            ))
            .hint("give one of them another `table:`"));
        }
        if stream.write_mode == WriteMode::Merge && stream.primary_key.is_empty() {
            return Err(Error::config(format!(
                "stream `{}` of {source} has no key to merge by",
                stream.name
            ))
            .hint("set `primary_key`, or `write_mode: append`"));
        }
        history::check(source, stream)?;
    }
    Ok(())
}

fn foreign(table: &str, path: &std::path::Path) -> Error {
    Error::config(format!("{}: there is a `{table}` that busta did not make", path.display()))
        .hint("set `table:` of the stream to another name, or `destination.path` to another file")
}

/// Completes the streams of a source's part of a run.
fn end(
    connection: &rusqlite::Connection,
    catalogue: &mut schema::Catalogue,
    finish: &Finish,
    specs: &[Arc<StreamSpec>],
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    for (stream, spec) in finish.streams.iter().zip(specs) {
        if spec.write_mode == WriteMode::Replace
            && let Some(table) = catalogue.table(&spec.table)
        {
            replace::swap(connection, table, &finish.run, &finish.source, &stream.stream, now)?;
        }
        checkpoint::release(connection, &finish.run, &finish.source, &stream.stream)?;
        for (key, start) in &stream.starts {
            checkpoint::start(connection, &finish.source, key, start)?;
        }
        checkpoint::finish(connection, &finish.run, &finish.source, &stream.stream)?;
    }
    for spec in specs.iter().filter(|spec| spec.dataset.view.is_some()) {
        views::tell_lacking(connection, catalogue, &spec.table)?;
    }
    Ok(())
}
