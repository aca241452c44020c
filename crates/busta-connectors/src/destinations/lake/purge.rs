//! Dropping files all of whose rows are old, and old failures: one line of the manifest per batch.
//!
//! Which files are old is found while others write; only the line waits for its turn. Rows that wait in
//! staging stay until their stream is finished, and so do the files that they may supersede.

use busta_core::destination::{Purge, Purged};
use busta_core::json::field;
use busta_core::{Error, Failure, Result, SourceName, WriteMode};
use chrono::{DateTime, Utc};

use super::Folder;
use super::columns::OWN_FIELDS;
use super::failures::{self, FailureDraft};
use super::layout::Layout;
use super::rows::RowReader;
use super::segment::{Phase, Segment};
use super::state::Change;
use super::view::View;
use super::writer::Lake;

/// What there is to do, in this order; it is the place where the next batch goes on too.
const FILES: &str = "files";
const FAILURES: &str = "failures";

/// Removes one batch.
pub(super) fn run(folder: &Folder, purge: &Purge) -> Result<Purged> {
    if !folder.layout.manifest().exists() {
        // Nothing has been collected yet.
        return Ok(Purged::default());
    }
    match purge.after.as_deref() {
        None | Some(FILES) => files(folder, purge),
        Some(FAILURES) => failures(folder, purge),
        Some(other) => Err(Error::data(format!("a purge cannot go on at `{other}`"))),
    }
}

fn files(folder: &Folder, purge: &Purge) -> Result<Purged> {
    let view = folder.view()?;
    let (mut old, mut rows) = (Vec::new(), 0);
    for segment in view.droppable(&purge.source) {
        if rows >= purge.batch.max(1) as u64 {
            break;
        }
        if is_old(&view.layout, segment, purge.older_than)? {
            rows += segment.rows;
            old.push(segment.clone());
        }
    }
    if old.is_empty() {
        return Ok(Purged { next: Some(FAILURES.to_owned()), ..Purged::default() });
    }
    let rows = folder.write(false, |lake| lake.drop_files(purge, &old))?;
    // A run that has begun meanwhile may keep all of them.
    let next = if rows == 0 { FAILURES } else { FILES };
    Ok(Purged { rows, failures: 0, next: Some(next.to_owned()) })
}

fn failures(folder: &Folder, purge: &Purge) -> Result<Purged> {
    let view = folder.view()?;
    let old = |failure: &Failure| failure.source == purge.source && failure.at < purge.older_than;
    let ids = failures::some(&view.layout, view.failures, purge.batch.max(1), old)?;
    drop(view);
    if ids.is_empty() {
        return Ok(Purged::default());
    }
    let failures = folder.write(false, |lake| lake.drop_failures(&ids))?;
    Ok(Purged { rows: 0, failures, next: Some(FAILURES.to_owned()) })
}

/// Whether all rows of a segment were loaded before a time. The first row tells of most that are not.
fn is_old(layout: &Layout, segment: &Segment, older_than: DateTime<Utc>) -> Result<bool> {
    let mut rows = RowReader::open(layout, segment)?;
    let mut line = Vec::new();
    while rows.next(&mut line)? {
        let loaded: Option<DateTime<Utc>> =
            field(&line, OWN_FIELDS[2]).and_then(|raw| serde_json::from_str(raw).ok());
        if loaded.is_none_or(|loaded| loaded >= older_than) {
            return Ok(false);
        }
        line.clear();
    }
    Ok(true)
}

/// Whether rows of a table wait for a finish, which compares them with all that is there.
fn waits<'a>(mut segments: impl Iterator<Item = &'a Segment>, source: &SourceName, table: &str) -> bool {
    let waits = |s: &Segment| s.mode == WriteMode::Merge && s.phase != Phase::Sealed;
    segments.any(|segment| segment.source == *source && segment.table == table && waits(segment))
}

impl View {
    /// The files of a source that a purge may drop.
    fn droppable(&self, source: &SourceName) -> Vec<&Segment> {
        let sealed = |s: &&Segment| s.source == *source && s.phase == Phase::Sealed;
        let rests = |s: &&Segment| !waits(self.all_segments(), source, &s.table);
        self.all_segments().filter(sealed).filter(rests).collect()
    }
}

impl Lake {
    /// Drops files that are still there, and not part of what is being written; gives their rows.
    fn drop_files(&mut self, purge: &Purge, old: &[Segment]) -> Result<u64> {
        let rows = self.attempt(|lake| {
            let segments = &lake.state.segments;
            let there = |old: &&Segment| {
                segments.get(&old.id) == Some(old) && !waits(segments.values(), &old.source, &old.table)
            };
            let there: Vec<&Segment> = old.iter().filter(there).collect();
            let rows = there.iter().map(|segment| segment.rows).sum();
            lake.log(there.iter().map(|segment| Change::Drop(segment.id)).collect())?;
            Ok(rows)
        })?;
        busta_core::failpoint::hit(self.layout.points().purge_manifest_written);
        self.index.forget(&purge.source);
        self.settle()?;
        self.compact_if_long()?;
        Ok(rows)
    }

    fn drop_failures(&mut self, ids: &[String]) -> Result<u64> {
        self.attempt(|lake| {
            let mut draft = FailureDraft::default();
            ids.iter().try_for_each(|id| lake.failures.remove(&mut draft, id))?;
            if draft.is_empty() {
                return Ok(0);
            }
            let removed = draft.removed();
            let tidied = lake.failures.tidied(&draft)?;
            let change = match tidied {
                Some(log) => Change::FailureLog(log),
                None => Change::Failures(lake.failures.write(&draft)?),
            };
            lake.log(vec![change])?;
            lake.failures.committed(&draft);
            lake.failures.took_place(tidied);
            Ok(removed)
        })
    }
}
