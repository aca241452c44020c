//! One type for a column in all files of a table.
//!
//! Most readers take the types of a folder from one of its files, and fail at a file with others, or bend its values.
//! So when a finish has brought a column to a wider type, the older files that hold it are written anew with that type:
//! one after another, each with a line of the manifest of its own, as superseded rows are dropped from files. Until all
//! are done the manifest marks the table, so whoever opens the folder after a crash, or finishes a stream, goes on with
//! it. So does the next one where there is more to do than a run should be held up for.
//!
//! Files whose key or cursor is among these columns stay as they are: what rows are told apart by must not change.

use std::fs::File;
use std::time::{Duration, Instant};

use busta_core::Result;
use busta_core::failpoint::hit;
use serde_json::Value;

use super::finish::Publication;
use super::layout::sync_folder;
use super::merge::RowSet;
use super::segment::{Phase, Segment};
use super::state::Change;
use super::trouble::io_error;
use super::writer::Lake;

/// After so long the rest is left to the next finish or opening: nothing else is written meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

impl Lake {
    /// Brings the files of all tables that are marked to the types that are remembered of them. All that they hold is
    /// committed and visible, so what fails here fails nothing else: it is done by the next call.
    pub(super) fn even_out(&mut self) {
        for table in self.state.uneven.clone() {
            let Some(what) = self.state.remembered.get(&table).cloned() else { continue };
            if let Err(error) = self.even_out_table(&table, what) {
                tracing::warn!(table, %error, "older files could not be given the wider types of newer ones");
            }
        }
    }

    fn even_out_table(&mut self, table: &str, what: Value) -> Result<()> {
        let is_here = |segment: &&Segment| segment.table == table && segment.phase == Phase::Sealed;
        let segments: Vec<Segment> = self.state.segments.values().filter(is_here).cloned().collect();
        let (mut changed, mut kept, mut failed) = (0, 0, 0);
        let began = Instant::now();
        for segment in &segments {
            if began.elapsed() > LONGEST {
                tracing::info!(
                    table,
                    files = changed,
                    "older files are being written anew, the rest by the next run"
                );
                return Ok(());
            }
            let columns = match self.narrower(segment, &what) {
                Ok(columns) => columns,
                Err(error) => {
                    tracing::warn!(table, file = segment.id, %error, "it may have narrower types than newer ones");
                    failed += 1;
                    continue;
                }
            };
            match columns.first() {
                None => {}
                Some(_) if tells_apart(segment, &columns) => kept += 1,
                Some(first) => {
                    tracing::debug!(
                        table,
                        file = segment.id,
                        column = first,
                        "written anew with a wider type"
                    );
                    self.attempt(|lake| lake.replace(segment))?;
                    self.settle()?;
                    hit(self.layout.points().finish_evened);
                    changed += 1;
                }
            }
        }
        // What a file that was written anew had to say may be new.
        let is_last = self.state.remembered.get(table) == Some(&what);
        if failed == 0 && is_last {
            let done = Change::Remember { table: table.to_owned(), what, uneven: false };
            self.attempt(|lake| lake.log(vec![done]))?;
        }
        if changed > 0 {
            tracing::info!(
                table,
                files = changed,
                "older files were written anew, with the wider types of newer ones"
            );
        }
        if kept > 0 {
            tracing::warn!(table, files = kept, "older files keep the narrower type of a key or cursor");
        }
        Ok(())
    }

    /// The columns of a file that have another type than is remembered.
    fn narrower(&self, segment: &Segment, what: &Value) -> Result<Vec<String>> {
        let path = self.layout.sealed(segment);
        let file = File::open(&path).map_err(|e| io_error("open", &path, e))?;
        match self.layout.format().remembers(file, &path)? {
            Some(own) => self.layout.format().narrower(&own, what),
            None => Ok(Vec::new()),
        }
    }

    /// Writes a file anew.
    fn replace(&mut self, segment: &Segment) -> Result<()> {
        let mut draft = Publication::new(self);
        self.remake(&mut draft, segment, &RowSet::default())?;
        sync_folder(&self.layout.staging())?;
        self.log(draft.changes).map(drop)
    }
}

/// Whether rows of a segment are told apart by one of these columns.
fn tells_apart(segment: &Segment, columns: &[String]) -> bool {
    segment.key.as_ref().is_some_and(|key| {
        columns.iter().any(|column| key.fields.contains(column) || key.cursor.as_ref() == Some(column))
    })
}
