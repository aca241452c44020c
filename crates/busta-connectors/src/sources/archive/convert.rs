//! The rows of a fetched file, and what is told about them.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, RecordsBuilder, Result};
use serde_json::Value;

use super::again::{Before, fewer};
use super::fetch::fields;
use super::member::said;
use super::rows::{RowsBatch, RowsEnd, RowsFile, RowsPlace};
use super::settings::Archive;
use super::version::RowsThere;
use super::work::{RowsOf, Told, Work};
use crate::blocking::trying;
use crate::download::sha256_of;

/// About so many bytes of records make a batch.
const BATCH_BYTES: usize = 2 << 20;

/// Reads the rows of one file.
pub struct RowsReader {
    archive: Arc<Archive>,
    of: RowsOf,
    at: Option<RowsPlace>,
    file: Option<RowsFile>,
    is_sorting: bool,
    over: bool,
    /// What is there of the file as it was before.
    before: Before,
    /// Why it cannot be read on, once that is noted.
    broken: Option<Error>,
}

impl RowsReader {
    /// A reader that goes on at `at`. Does no I/O.
    pub fn new(archive: Arc<Archive>, of: RowsOf, at: Option<&Cursor>) -> Result<Self> {
        let at = at.map(Cursor::decode).transpose()?.flatten();
        let before = archive.before(&of);
        Ok(Self { archive, of, at, file: None, is_sorting: false, over: false, before, broken: None })
    }

    /// Reads on, on a thread that may block.
    async fn read(&mut self) -> Result<RowsBatch> {
        let open = self.file.take();
        let (archive, of, at) = (self.archive.clone(), self.of.clone(), self.at.clone());
        let read = move || {
            let mut file = match open {
                Some(file) => file,
                None => archive.open_rows(&of, at.as_ref())?,
            };
            file.read(BATCH_BYTES).map(|batch| (file, batch))
        };
        let (file, batch) = trying(read).await?;
        self.file = Some(file);
        Ok(batch)
    }

    /// The batch of these rows, which moves it on.
    fn batch(&mut self, records: Records, end: RowsEnd) -> Result<Batch> {
        Ok(match end {
            RowsEnd::Sorting => Batch::new(records, Cursor::encode(&self.at)?),
            RowsEnd::More(place) => {
                let mut batch = Batch::new(records, Cursor::encode(&place)?);
                if self.at.replace(place).is_none() && !self.archive.replaces {
                    batch.starts.push(RowsThere::unfinished().start(&self.of.path)?);
                }
                batch
            }
            RowsEnd::Done(quality) => {
                self.over = true;
                let mut batch = Batch::last(records);
                let told = self.told(&quality)?;
                batch.starts.push(told.there(Some(told.record.clone())).start(&told.path)?);
                let fewer = self.before.others().and_then(|before| fewer(before, quality.rows, &told.path));
                batch.warnings.extend(fewer);
                batch.found.push(Work::Quality(told).split(&self.archive)?);
                batch
            }
        })
    }

    /// Notes that the file cannot be read to its end, before that is told: so it is told once for each content, and
    /// not by every run.
    fn break_off(&mut self, error: Error) -> Result<Batch> {
        let (version, broken) = (self.of.version.clone(), Some(error.to_string()));
        // Those of another content are still there.
        let rows = Some(self.at.as_ref().map_or(0, RowsPlace::rows)).max(self.before.others());
        self.note_broken(RowsThere { version, untold: None, broken, rows, stored: None }, error)
    }

    fn note_broken(&mut self, there: RowsThere, error: Error) -> Result<Batch> {
        let mut batch = Batch::new(Records::default(), Cursor::encode(&self.at)?);
        batch.starts.push(there.start(&self.of.path)?);
        self.broken = Some(error);
        Ok(batch)
    }

    /// What there is to say of a file whose rows are not to be read: they are there, or have no place.
    fn settled(&mut self) -> Result<Option<Batch>> {
        if self.at.is_some() || !matches!(self.before, Before::Same(_) | Before::Fixed(..)) {
            return Ok(None);
        }
        match std::mem::take(&mut self.before) {
            Before::Same(there) => {
                self.over = true;
                let mut batch = Batch::last(Records::default());
                batch.starts.push(there.start(&self.of.path)?);
                Ok(Some(batch))
            }
            Before::Fixed(there, error) => self.note_broken(there, error).map(Some),
            Before::Nothing | Before::Others(_) => Ok(None),
        }
    }

    fn told(&self, quality: &impl serde::Serialize) -> Result<Told> {
        let encoded = serde_json::to_value(quality)
            .map_err(|error| Error::bug(format!("what is told about rows cannot be encoded: {error}")))?;
        let mut record = fields(&self.of.values);
        record.insert("path".to_owned(), Value::from(self.of.path.clone()));
        if let Value::Object(fields) = encoded {
            record.extend(fields);
        }
        if let Some(rows) = self.before.others() {
            record.insert("rows_before".to_owned(), Value::from(rows));
        }
        Ok(Told { path: self.of.path.clone(), version: self.of.version.clone(), record })
    }
}

impl Archive {
    /// Whether a file has the bytes that were fetched: it may have rotted since, and is mended then.
    async fn is_as_fetched(&self, path: &str) -> bool {
        // What this run has fetched is not known from before.
        let Some(known) = self.folder.known(path) else { return true };
        let is = sha256_of(self.folder.target(path)).await;
        is.is_ok_and(|is| is.is_some_and(|(is, _)| known.sha256 == Some(is)))
    }

    fn open_rows(&self, of: &RowsOf, at: Option<&RowsPlace>) -> Result<RowsFile> {
        let table = self.table.as_ref().ok_or_else(|| Error::bug("rows without a table"))?;
        let file = RowsFile::open(&self.folder.target(&of.path), table, &fields(&of.values), &of.path, at)?;
        let file = match &self.members {
            Some(pattern) => file.of_members(at, |name| said(pattern, &self.wanted, &of.values, name))?,
            None => file,
        };
        Ok(file.sorting_at(self.folder.scratch(&of.path)))
    }
}

#[async_trait]
impl Reader for RowsReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.over {
            return Ok(None);
        }
        let path = &self.of.path;
        self.archive.meter.asking(&if self.is_sorting {
            format!("{path} (being sorted)")
        } else {
            path.clone()
        });
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if let Some(batch) = self.settled()? {
            return Ok(Some(batch));
        }
        let read = match self.read().await {
            Err(error) if matches!(error.kind(), ErrorKind::Data | ErrorKind::Corrupt) => {
                let archive = self.archive.clone();
                let is_as_fetched = archive.is_as_fetched(&self.of.path).await;
                return if is_as_fetched { self.break_off(error).map(Some) } else { Err(error) };
            }
            other => other?,
        };
        self.is_sorting = read.end == RowsEnd::Sorting;
        let mut batch = self.batch(read.records, read.end)?;
        batch.failures = read.failures;
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        false
    }
}

/// Tells what is known about the rows of a file.
pub struct TellReader(pub Option<Told>);

#[async_trait]
impl Reader for TellReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(told) = self.0.take() else { return Ok(None) };
        let mut records = RecordsBuilder::default();
        let pushed = records.push_serialized(&told.record);
        pushed.map_err(|error| Error::bug(format!("a record cannot be encoded: {error}")))?;
        let mut batch = Batch::last(records.finish());
        batch.starts.push(told.there(None).start(&told.path)?);
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        false
    }
}
