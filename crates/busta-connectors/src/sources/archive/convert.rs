//! The rows of a fetched file, and what is told about them.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, RecordsBuilder, Result, Split};
use serde_json::{Map, Value};

use super::fetch::fields;
use super::rows::{RowsBatch, RowsEnd, RowsFile, RowsPlace};
use super::settings::{Archive, rows_start};
use super::work::{RowsOf, Work};

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
        let (file, batch) = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| Error::bug(format!("reading rows: {error}")))??;
        self.file = Some(file);
        Ok(batch)
    }

    fn told(&self, quality: &impl serde::Serialize) -> Result<Split> {
        let encoded = serde_json::to_value(quality)
            .map_err(|error| Error::bug(format!("what is told about rows cannot be encoded: {error}")))?;
        let mut record = Map::from_iter([("path".to_owned(), Value::from(self.of.path.clone()))]);
        record.extend(fields(&self.of.values));
        if let Value::Object(fields) = encoded {
            record.extend(fields);
        }
        Work::Quality(record).split(&self.archive)
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
        let read = match self.read().await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                return Err(error.hint("`busta archive verify --repair` fetches it again"));
            }
            other => other?,
        };
        let mut batch = match read.end {
            RowsEnd::More(place) => {
                let cursor = Cursor::encode(&place)?;
                self.at = Some(place);
                Batch::new(read.records, cursor)
            }
            RowsEnd::Done(quality) => {
                self.over = true;
                let mut batch = Batch::last(read.records);
                batch.found.push(self.told(&quality)?);
                batch.starts.push(rows_start(&self.of.path, &self.of.version)?);
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

/// Gives one record that is there already.
pub struct TellReader(pub Option<Map<String, Value>>);

#[async_trait]
impl Reader for TellReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(record) = self.0.take() else { return Ok(None) };
        let mut records = RecordsBuilder::default();
        let pushed = records.push_serialized(&record);
        pushed.map_err(|error| Error::bug(format!("a record cannot be encoded: {error}")))?;
        let records: Records = records.finish();
        Ok(Some(Batch::last(records)))
    }

    fn asks(&self) -> bool {
        false
    }
}
