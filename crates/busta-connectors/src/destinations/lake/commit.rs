//! A commit, in this order, each step durable before the next:
//!
//! 1. Rows are appended to the open segments of their streams, one write per chunk, and each touched
//!    segment is synced once; so is the log of failures, if there are any.
//! 2. One line is appended to the manifest and synced. That line is the commit.
//! 3. Segments that have reached their size are moved into their tables' folders. The line has
//!    already said so, and whoever opens the folder next completes it.
//!
//! So a commit costs one fdatasync per touched stream, all at once, and one for the manifest. fdatasync covers the
//! data and the length, which is all that is needed to read it back; only the creation of a segment
//! needs a sync of the folder more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use busta_core::destination::SchemaChange;
use busta_core::failpoint::hit;
use busta_core::{
    Chunk, Committed, Cursor, CursorValue, Error, Failure, Position, Result, RunId, SourceName,
};
use busta_core::{Split, SplitId, Stage, Step, StreamName, StreamSpec, WriteMode};
use chrono::DateTime;

use super::ahead::Recent;
use super::columns::Columns;
use super::failures::FailureDraft;
use super::format::Form;
use super::index::Stored;
use super::layout::sync_folder;
use super::segment::{Phase, RowKeySpec, Segment};
use super::stage::Rows;
use super::state::{Change, SplitRecord};
use super::writer::Lake;

/// A chunk that the writer owns: its rows are shared, the rest is small.
pub(super) struct Part {
    run: RunId,
    source: SourceName,
    stream: StreamName,
    step: Option<Step>,
    rows: Option<Arc<Rows>>,
    failures: Vec<Failure>,
    high: Option<CursorValue>,
    found: Vec<Split>,
    starts: Vec<(String, Cursor)>,
}

impl Part {
    pub(super) fn of(chunk: &Chunk) -> Result<Self> {
        let rows = match &chunk.staged {
            None => None,
            Some(staged) => Some(
                staged
                    .body
                    .downcast_ref::<Arc<Rows>>()
                    .cloned()
                    .ok_or_else(|| Error::bug("rows staged by another destination"))?,
            ),
        };
        Ok(Self {
            run: chunk.run.clone(),
            source: chunk.source.clone(),
            stream: chunk.stream.clone(),
            step: chunk.step.clone(),
            rows,
            failures: chunk.failures.clone(),
            high: chunk.high.clone(),
            found: chunk.found.clone(),
            starts: chunk.starts.clone(),
        })
    }
}

/// One result per chunk, and what is new about the columns.
pub(super) type Outcome = (Vec<Result<Committed>>, Vec<SchemaChange>);

/// What is going to be committed.
#[derive(Default)]
struct Draft {
    splits: HashMap<(SourceName, SplitId), SplitRecord>,
    changes: Vec<Change>,
    failures: FailureDraft,
    /// Segments that grow, as they will be.
    segments: BTreeMap<u64, Segment>,
    /// The segment that each stream's rows go to.
    targets: HashMap<(SourceName, StreamName), u64>,
    columns: BTreeMap<String, Columns>,
    /// What was appended to which segment.
    appended: HashMap<u64, Vec<Recent>>,
}

impl Lake {
    /// Commits chunks: all that fit, or none.
    pub(super) fn commit(&mut self, parts: &[Part]) -> Result<Outcome> {
        let outcome = self.attempt(|lake| lake.commit_all(parts))?;
        for (part, result) in parts.iter().zip(&outcome.0) {
            if result.is_ok() {
                self.prepared.claims.settle(&part.source, &part.run);
            }
        }
        // From here on nothing can take the commit back, and what fails is done again later.
        let after = self.settle().and_then(|()| self.compact_if_long());
        if let Err(error) = after {
            tracing::warn!(%error, "a committed file cannot be put in its place yet");
        }
        self.encode_ahead();
        hit(self.layout.points().commit_after);
        Ok(outcome)
    }

    fn commit_all(&mut self, parts: &[Part]) -> Result<Outcome> {
        hit(self.layout.points().commit_begin);
        self.seal_ready()?;
        let mut draft = Draft::default();
        let mut outcomes = Vec::with_capacity(parts.len());
        for part in parts {
            outcomes.push(match self.judge(&draft, part) {
                Ok(true) => {
                    self.take_over(&part.run, &part.source)?;
                    Ok(self.take(&mut draft, part)?)
                }
                Ok(false) => Ok(Committed { already: true, ..Committed::default() }),
                Err(conflict) => Err(conflict),
            });
        }
        self.sync_rows(&mut draft)?;
        let schema = self.column_changes(&mut draft);
        if self.log(std::mem::take(&mut draft.changes))? {
            self.failures.committed(&draft.failures);
            self.recent = draft.appended;
            hit(self.layout.points().commit_manifest_written);
        }
        self.spare_handles();
        Ok((outcomes, schema))
    }

    /// Whether a part is to be taken (`true`), or was committed before (`false`).
    fn judge(&self, draft: &Draft, part: &Part) -> Result<bool> {
        let new = self.is_new(&part.run, &part.source)?;
        let known = self.state.sources.get(&part.source).filter(|_| !new);
        if let Some(error) = part.rows.as_ref().and_then(|rows| rows.error.as_ref()) {
            return Err(Error::bug(error.clone()));
        }
        let Some(step) = &part.step else { return Ok(true) };
        let drafted = draft.splits.get(&(part.source.clone(), step.split.clone())).filter(|_| !new);
        let record = drafted.cloned().or_else(|| known?.split(&part.stream, &step.split));
        let at = record.map_or(Position::Start, |record| record.at);
        if at == step.from {
            Ok(true)
        } else if at == step.to {
            Ok(false)
        } else {
            let split = &step.split;
            Err(Error::conflict(format!("split {split} stands at {at:?}, not at {:?}", step.from)))
        }
    }

    fn take(&mut self, draft: &mut Draft, part: &Part) -> Result<Committed> {
        self.take_splits(draft, part);
        let waits = self.spec(part).is_some_and(|spec| spec.write_mode == WriteMode::Replace);
        for (key, at) in &part.starts {
            let (source, key, at) = (part.source.clone(), key.clone(), at.clone());
            draft.changes.push(match waits {
                true => Change::Hold { source, stream: part.stream.clone(), key, at },
                false => Change::Start { source, key, at },
            });
        }
        for failure in &part.failures {
            self.failures.add(&mut draft.failures, failure)?;
        }
        if let Some(step) = part.step.as_ref().filter(|step| step.to == Position::Done) {
            let id = id_of_split_failure(part, step);
            self.failures.remove(&mut draft.failures, &id)?;
        }
        let Some(rows) = &part.rows else { return Ok(Committed::default()) };
        let mut committed = Committed { rejected: rows.rejected, ..Committed::default() };
        if rows.rows > 0 {
            let id = self.target(draft, part, rows.form);
            if let Some(segment) = draft.segments.get(&id).filter(|segment| segment.key.is_some()) {
                let (segments, grown) = (&self.state.segments, &draft.segments);
                let stored = Stored { layout: &self.layout, segments, grown };
                self.index.count(stored, segment, rows, &mut committed)?;
            } else {
                committed.inserted = rows.rows;
            }
            // A batch in which nothing is new need not be written.
            if committed.inserted + committed.updated > 0 {
                self.append_rows(draft, id, rows)?;
            }
        }
        Ok(committed)
    }

    fn take_splits(&self, draft: &mut Draft, part: &Part) {
        let known = self.state.sources.get(&part.source);
        let mut set = |stream: &StreamName,
                       id: &SplitId,
                       change: &dyn Fn(Option<SplitRecord>) -> Option<SplitRecord>| {
            let place = (part.source.clone(), id.clone());
            let old = draft.splits.get(&place).cloned().or_else(|| known?.split(stream, id));
            if let Some(state) = change(old) {
                let (source, id) = place.clone();
                draft.splits.insert(place, state.clone());
                draft.changes.push(Change::Split { source, id, state });
            }
        };
        if let Some(step) = &part.step {
            set(&part.stream, &step.split, &|old| {
                let (at, high) = (step.to.clone(), part.high.clone());
                Some(match old {
                    // What is done is never opened again.
                    Some(old) => {
                        let found =
                            if at == Position::Done { old.found.map(Split::emptied) } else { old.found };
                        SplitRecord { at, high: high.or(old.high), found, ..old }
                    }
                    None => SplitRecord { stream: part.stream.clone(), at, high, found: None },
                })
            });
        }
        for split in &part.found {
            set(&split.stream, &split.id, &|old| match old {
                Some(_) => None,
                None => Some(SplitRecord {
                    stream: split.stream.clone(),
                    at: Position::Start,
                    high: None,
                    found: Some(split.clone()),
                }),
            });
        }
    }

    fn append_rows(&mut self, draft: &mut Draft, id: u64, rows: &Arc<Rows>) -> Result<()> {
        let Some(segment) = draft.segments.get_mut(&id) else {
            return Err(Error::bug("a segment without a place in its commit"));
        };
        // Opened at its committed length, which is in the state; the draft's is further on.
        let committed = self.state.segments.get(&id).cloned();
        let committed = committed.unwrap_or_else(|| Segment { rows: 0, bytes: 0, ..segment.clone() });
        self.append(&committed, rows)?;
        let recent = Recent { start: segment.bytes, rows: Arc::clone(rows) };
        draft.appended.entry(id).or_default().push(recent);
        segment.rows += rows.rows;
        segment.bytes += rows.data.size();
        draft.columns.entry(segment.table.clone()).or_default().merge(&rows.columns);
        Ok(())
    }

    fn spec(&self, part: &Part) -> Option<&StreamSpec> {
        self.state.sources.get(&part.source)?.spec(&part.stream)
    }

    /// The segment that a part's rows go to: the open one of its stream, if it is of their form, or a new one.
    /// Never one before the last, since segments are in the order of their rows.
    fn target(&self, draft: &mut Draft, part: &Part, form: Form) -> u64 {
        let place = (part.source.clone(), part.stream.clone());
        let drafted = draft.targets.get(&place).and_then(|id| draft.segments.get(id));
        if let Some(drafted) = drafted.filter(|segment| segment.form == form) {
            return drafted.id;
        }
        let spec = self.spec(part).cloned();
        let spec = spec.unwrap_or_else(|| StreamSpec::new(part.stream.clone(), Vec::new()));
        let open = self.current.get(&place).filter(|_| drafted.is_none());
        let open = open.and_then(|id| self.state.segments.get(id));
        let segment = match open {
            Some(open) if open.takes(&part.run, &spec, form) => open.clone(),
            open => {
                draft.changes.extend(open.map(|open| Change::Full(open.id)));
                let fresh = draft.segments.values().filter(|s| s.id >= self.state.next).count() as u64;
                new_segment(self.state.next + fresh, part, &spec, form)
            }
        };
        let id = segment.id;
        draft.targets.insert(place, id);
        draft.segments.insert(id, segment);
        id
    }

    /// Makes the appended rows and the failures durable, and adds their lengths to the line.
    fn sync_rows(&mut self, draft: &mut Draft) -> Result<()> {
        hit(self.layout.points().commit_rows_written);
        let committed = |id: &u64| self.state.segments.get(id).map_or(0, |segment| segment.bytes);
        draft.segments.retain(|id, segment| segment.bytes > committed(id));
        self.sync(draft.segments.values())?;
        if draft.segments.keys().any(|id| *id >= self.state.next) {
            sync_folder(&self.layout.staging())?;
        }
        if !draft.failures.is_empty() {
            let length = self.failures.write(&draft.failures)?;
            draft.changes.push(Change::Failures(length));
        }
        hit(self.layout.points().commit_rows_synced);
        for segment in draft.segments.values() {
            let (id, rows, bytes) = (segment.id, segment.rows, segment.bytes);
            draft.changes.push(if id >= self.state.next {
                Change::Segment(segment.clone())
            } else {
                Change::Grown { id, rows, bytes }
            });
            if self.layout.format().is_full(bytes, self.ahead.written(id)) {
                let movable = segment.seals_early() && segment.form == self.layout.format().file();
                draft.changes.push(if movable { Change::Seal(id) } else { Change::Full(id) });
            }
        }
        Ok(())
    }

    fn column_changes(&self, draft: &mut Draft) -> Vec<SchemaChange> {
        let mut all = Vec::new();
        let none = Columns::default();
        for (table, seen) in &draft.columns {
            let (columns, changes) = self.state.columns.get(table).unwrap_or(&none).news(table, seen);
            if !columns.is_empty() {
                draft.changes.push(Change::Columns { table: table.clone(), columns });
            }
            all.extend(changes);
        }
        all
    }
}

fn new_segment(id: u64, part: &Part, spec: &StreamSpec, form: Form) -> Segment {
    Segment {
        id,
        order: id,
        table: spec.table.clone(),
        source: part.source.clone(),
        stream: part.stream.clone(),
        run: part.run.clone(),
        mode: spec.write_mode,
        key: RowKeySpec::of(spec),
        form,
        folder: String::new(),
        fixed: Vec::new(),
        rows: 0,
        bytes: 0,
        phase: Phase::Open,
    }
}

/// The id of the failure of a whole split: it does not depend on what went wrong.
fn id_of_split_failure(part: &Part, step: &Step) -> String {
    let any = Error::unavailable("");
    let failure = Failure::split(Stage::Read, &any);
    failure.place(&part.run, &part.source, &part.stream, &step.split, DateTime::UNIX_EPOCH).id
}
