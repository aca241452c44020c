//! The processor's part of a write: a batch becomes the very bytes that are appended to a segment.
//!
//! It runs beside the reader, for many batches at once, so that the one writer only writes and
//! syncs. Records of streams without a key are not parsed: they are copied, with busta's fields put
//! in before the closing brace. What columns they have is learned from a sample (the first and the
//! last record of a batch, and every 64th between them); `columns()` reads the data where it must be
//! exact. Records with a key are walked once, which finds the key, the cursor and all columns. Where
//! records are columns already and files are too, they stay what they are ([`typed`]).

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use busta_core::clock::Clock;
use busta_core::columns::Column;
use busta_core::{
    Columns as Typed, Error, Failure, Records, RunId, SourceName, Stage, Staged, StreamName, StreamSpec,
};
use chrono::SecondsFormat;

use super::block::Block;
use super::columns::{Columns, Types};
use super::format::{Form, Format};
use super::keys::{KeyMap, RowKey};
use super::rows::{splice, suffix};
use super::segment::RowKeySpec;
use super::sidecar;
use super::span::Span;
use super::typed;

/// Of the records that are not walked anyway, each of this many is looked at for new columns.
const SAMPLE: usize = 64;

/// The level of zstd: the fastest that still shrinks JSON to a fifth or so.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// What is appended to a segment.
#[derive(Debug)]
pub(super) enum Data {
    /// Whole lines, or one zstd frame of them.
    Lines(Vec<u8>),
    Block(Block),
}

impl Default for Data {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Data {
    /// Its bytes on the disk.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.len() as u64,
            Self::Block(block) => block.size(),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.len(),
            Self::Block(block) => block.weight(),
        }
    }

    pub(super) fn write(&self, file: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Lines(lines) => file.write_all(lines),
            Self::Block(block) => block.write(file),
        }
    }
}

/// A batch as the writer needs it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) data: Data,
    pub(super) form: Form,
    pub(super) rows: u64,
    /// The body of the sidecar's block, for streams with a key.
    pub(super) keys: Vec<u8>,
    /// Between which keys the rows are, if that is known.
    pub(super) span: Option<Span>,
    /// The keys of all records, those left out included, in the order in which they came. None are made of rows
    /// that come as columns and in the order of their keys.
    pub(super) met: Option<Vec<RowKey>>,
    /// Records that became failures.
    pub(super) rejected: u64,
    pub(super) columns: Vec<(String, Types)>,
    /// Why the batch could not be encoded at all.
    pub(super) error: Option<String>,
}

impl Rows {
    /// How many records there were that have a key, those left out included.
    pub(super) fn came(&self) -> u64 {
        self.met.as_ref().map_or(self.rows, |met| met.len() as u64)
    }

    /// The keys of the records that came.
    pub(super) fn met(&self, spec: &RowKeySpec) -> Cow<'_, [RowKey]> {
        match (&self.met, &self.data) {
            (Some(met), _) => Cow::Borrowed(met),
            (None, Data::Block(block)) => block.keys(spec).into_iter().flatten().collect(),
            (None, Data::Lines(_)) => Cow::default(),
        }
    }
}

/// Stages batches of all streams.
pub(super) struct Stager {
    streams: RwLock<HashMap<(SourceName, StreamName), Landing>>,
    clock: Arc<dyn Clock>,
    format: Arc<dyn Format>,
}

/// How the rows of a stream land.
#[derive(Clone)]
struct Landing {
    table: String,
    key: Option<RowKeySpec>,
}

impl Stager {
    pub(super) fn new(clock: Arc<dyn Clock>, format: Arc<dyn Format>) -> Self {
        Self { streams: RwLock::default(), clock, format }
    }

    /// Learns where the rows of a source's streams land, and how they are told apart.
    pub(super) fn learn(&self, source: &SourceName, specs: &[StreamSpec]) {
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        for spec in specs {
            let landing = Landing { table: spec.table.clone(), key: RowKeySpec::of(spec) };
            streams.insert((source.clone(), spec.name.clone()), landing);
        }
    }

    fn landing(&self, source: &SourceName, stream: &StreamName) -> Landing {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let known = streams.get(&(source.clone(), stream.clone())).cloned();
        known.unwrap_or_else(|| Landing { table: stream.as_str().to_owned(), key: None })
    }

    pub(super) fn stage(
        &self,
        run: &RunId,
        source: &SourceName,
        stream: &StreamName,
        records: &Records,
    ) -> Staged {
        let loaded_at = self.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let own = [run.as_str(), source.as_str(), &loaded_at];
        let landing = self.landing(source, stream);
        let mut batch = Batch {
            records,
            suffix: &suffix(own),
            format: &*self.format,
            table: &landing.table,
            failures: Vec::new(),
            columns: Columns::default(),
        };
        let typed = records.columns().filter(|typed| self.takes_columns(&landing.table, typed));
        let mut rows = match (typed, &landing.key) {
            (Some(typed), spec) => batch.typed(typed, spec.as_ref(), &typed::own_columns(own)),
            (None, Some(spec)) => batch.keyed(spec),
            (None, None) => batch.plain(),
        };
        rows.rejected = batch.failures.len() as u64;
        if typed.is_none() {
            self.finish_lines(&mut rows, batch.columns, stream);
        }
        Staged {
            rows: rows.rows,
            bytes: records.bytes(),
            weight: rows.data.weight() + rows.keys.len() + rows.met.as_deref().map_or(0, size_of_val),
            failures: batch.failures,
            body: Box::new(Arc::new(rows)),
        }
    }

    fn takes_columns(&self, table: &str, typed: &Typed) -> bool {
        self.format.takes_columns(table) && typed::fits(typed)
    }

    fn finish_lines(&self, rows: &mut Rows, columns: Columns, stream: &StreamName) {
        rows.columns = columns.into_list();
        rows.form = self.format.log();
        let Data::Lines(lines) = &mut rows.data else { return };
        if rows.form == Form::Zstd && rows.rows > 0 {
            match zstd::bulk::compress(lines, ZSTD_LEVEL) {
                Ok(frame) => *lines = frame,
                Err(error) => rows.error = Some(format!("a batch of {stream} cannot be compressed: {error}")),
            }
        }
        lines.shrink_to_fit();
    }
}

/// Which rows are the newest of their keys.
fn winners(keys: &[Option<RowKey>]) -> Vec<bool> {
    let mut best: KeyMap<usize> = KeyMap::with_capacity_and_hasher(keys.len(), BuildHasherDefault::default());
    let mut wins = vec![false; keys.len()];
    for (at, key) in keys.iter().enumerate() {
        let Some(key) = key else { continue };
        match best.entry(key.hash) {
            Entry::Vacant(place) => {
                place.insert(at);
            }
            Entry::Occupied(mut place) => {
                if keys[*place.get()].as_ref().is_none_or(|old| !old.yields_to(key)) {
                    continue;
                }
                wins[place.insert(at)] = false;
            }
        }
        wins[at] = true;
    }
    wins
}

struct Batch<'a> {
    records: &'a Records,
    suffix: &'a [u8],
    format: &'a dyn Format,
    table: &'a str,
    failures: Vec<Failure>,
    columns: Columns,
}

impl Batch<'_> {
    fn plain(&mut self) -> Rows {
        let (mut rows, mut lines) = (0, self.no_lines());
        let last = self.records.len().saturating_sub(1);
        for (at, record) in self.records.iter().enumerate() {
            if self.admits(at, record) && self.push(&mut lines, at, record) {
                rows += 1;
                if at % SAMPLE == 0 || at == last {
                    self.columns.note_record(record);
                }
            }
        }
        Rows { rows, data: Data::Lines(lines), ..Rows::default() }
    }

    fn keyed(&mut self, spec: &RowKeySpec) -> Rows {
        let keys: Vec<Option<RowKey>> =
            self.records.iter().enumerate().map(|(at, record)| self.key(spec, at, record)).collect();
        let wins = winners(&keys);
        let (mut rows, mut lines, mut entries) = (0, self.no_lines(), Vec::new());
        for (at, key) in keys.iter().enumerate().filter(|(at, _)| wins[*at]) {
            let Some(key) = key else { continue };
            if self.push(&mut lines, at, self.records.get(at)) {
                rows += 1;
                key.encode(&mut entries);
            }
        }
        Rows {
            data: Data::Lines(lines),
            rows,
            keys: sidecar::body(None, &entries, false),
            met: Some(keys.into_iter().flatten().collect()),
            ..Rows::default()
        }
    }

    fn typed(&mut self, typed: &Typed, spec: Option<&RowKeySpec>, own: &[Column]) -> Rows {
        let landed = |kept: &Records| Rows {
            rows: kept.len() as u64,
            data: Block::of(kept.clone(), own.to_vec()).map(Data::Block).unwrap_or_default(),
            form: Form::Columns,
            columns: typed::types(typed),
            ..Rows::default()
        };
        let Some(spec) = spec else { return landed(self.records) };
        let ascending = Span::of(spec, typed).filter(|found| found.ascends);
        if let Some((found, numbers)) = ascending.zip(typed::has_number_cursors(spec, typed)) {
            let keys = sidecar::body(Some(&found.span), &[], numbers);
            return Rows { keys, span: Some(found.span), ..landed(self.records) };
        }
        let mut rejected = Vec::new();
        let mut key =
            |(at, key): (usize, Result<RowKey, String>)| key.map_err(|why| rejected.push((at, why))).ok();
        let keys: Vec<Option<RowKey>> =
            typed::keys(spec, typed).into_iter().enumerate().map(&mut key).collect();
        for (at, why) in rejected {
            self.reject(at, self.records.get(at), &Error::data(why));
        }
        let wins = winners(&keys);
        let kept = typed.filter(|row| wins[row]);
        let mut entries = Vec::with_capacity(kept.rows() * 32);
        for (key, _) in keys.iter().zip(&wins).filter(|(_, wins)| **wins) {
            key.iter().for_each(|key| key.encode(&mut entries));
        }
        let span = Span::of(spec, &kept).map(|found| found.span);
        Rows {
            keys: sidecar::body(span.as_ref(), &entries, false),
            span,
            met: Some(keys.into_iter().flatten().collect()),
            ..landed(&Records::of_columns(kept))
        }
    }

    fn no_lines(&self) -> Vec<u8> {
        Vec::with_capacity(self.records.bytes() as usize + self.records.len() * self.suffix.len())
    }

    fn key(&mut self, spec: &RowKeySpec, at: usize, record: &[u8]) -> Option<RowKey> {
        if !self.admits(at, record) {
            return None;
        }
        let key = RowKey::of(spec, record, &mut self.columns);
        key.map_err(|why| self.reject(at, record, &Error::data(why))).ok()
    }

    fn admits(&mut self, at: usize, record: &[u8]) -> bool {
        self.format.admit(self.table, record).map_err(|error| self.reject(at, record, &error)).is_ok()
    }

    fn push(&mut self, lines: &mut Vec<u8>, at: usize, record: &[u8]) -> bool {
        let taken = splice(lines, record, self.suffix);
        if !taken {
            self.reject(at, record, &Error::data("not a JSON object"));
        }
        taken
    }

    fn reject(&mut self, at: usize, record: &[u8], error: &Error) {
        let position = self.records.position(at);
        self.failures.push(Failure::item(Stage::Write, position, error, Some(record)));
    }
}
