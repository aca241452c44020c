//! The rows of a fetched file, and what is told about them.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, Reader, RecordsBuilder, Result};
use serde_json::Value;

use super::fetch::fields;
use super::rows::{RowsBatch, RowsEnd, RowsFile, RowsPlace};
use super::settings::{Archive, RowsThere};
use super::work::{RowsOf, Told, Work};
use crate::sources::blocking;

/// About so many bytes of records make a batch.
const BATCH_BYTES: usize = 2 << 20;

/// Reads the rows of one file.
pub struct RowsReader {
    archive: Arc<Archive>,
    of: RowsOf,
    at: Option<RowsPlace>,
    file: Option<RowsFile>,
    over: bool,
}

impl RowsReader {
    /// A reader that goes on at `at`. Does no I/O.
    pub fn new(archive: Arc<Archive>, of: RowsOf, at: Option<&Cursor>) -> Result<Self> {
        Ok(Self { archive, of, at: at.map(Cursor::decode).transpose()?, file: None, over: false })
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
        let (file, batch) = blocking(read).await??;
        self.file = Some(file);
        Ok(batch)
    }

    fn told(&self, quality: &impl serde::Serialize) -> Result<Told> {
        let encoded = serde_json::to_value(quality)
            .map_err(|error| Error::bug(format!("what is told about rows cannot be encoded: {error}")))?;
        let mut record = fields(&self.of.values);
        record.insert("path".to_owned(), Value::from(self.of.path.clone()));
        if let Value::Object(fields) = encoded {
            record.extend(fields);
        }
        Ok(Told { path: self.of.path.clone(), version: self.of.version.clone(), record })
    }
}

impl Archive {
    fn open_rows(&self, of: &RowsOf, at: Option<&RowsPlace>) -> Result<RowsFile> {
        let table = self.table.as_ref().ok_or_else(|| Error::bug("rows without a table"))?;
        RowsFile::open(&self.folder.target(&of.path), table, &fields(&of.values), &of.path, at)
    }
}

#[async_trait]
impl Reader for RowsReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.over {
            return Ok(None);
        }
        self.archive.meter.asking(&self.of.path);
        let read = self.read().await?;
        let mut batch = match read.end {
            RowsEnd::More(place) => {
                let cursor = Cursor::encode(&place)?;
                self.at = Some(place);
                Batch::new(read.records, cursor)
            }
            RowsEnd::Done(quality) => {
                self.over = true;
                let mut batch = Batch::last(read.records);
                let told = self.told(&quality)?;
                let there = RowsThere { version: told.version.clone(), untold: Some(told.record.clone()) };
                batch.starts.push(there.start(&told.path)?);
                batch.found.push(Work::Quality(told).split(&self.archive)?);
                batch
            }
        };
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
        batch.starts.push(RowsThere { version: told.version, untold: None }.start(&told.path)?);
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        false
    }
}
