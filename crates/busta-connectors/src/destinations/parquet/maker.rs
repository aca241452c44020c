//! Rows into Parquet files: one after the other, or one per folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use busta_core::{Error, ErrorKind, Records, RecordsBuilder, Result};
use busta_parquet::{BATCH_BYTES, WriteOptions};

use super::columns::{Columns, Writer};
use super::config::TableLayout;
use super::partition::{Partition, Partitioning};
use crate::destinations::lake::{Block, FileMaker, Made, MadeFile, Paths, io_error};

/// How many files are open at once. The largest is completed to make room for another folder's.
const MAX_OPEN: usize = 100;

/// How much JSON the open files may hold before it is encoded. Beyond, the largest are completed.
const MAX_WAITING: u64 = 48 << 20;

/// Makes Parquet files of rows.
pub(super) struct ParquetMaker {
    /// The columns of the files.
    columns: Columns,
    options: WriteOptions,
    file_size: u64,
    partitioning: Option<Partitioning>,
    paths: Paths,
    open: HashMap<Partition, OpenFile>,
    /// Complete files, by their number; `None` while they are open.
    files: Vec<Option<MadeFile>>,
    places: Vec<(usize, u64)>,
    /// Bytes of complete files.
    written: u64,
}

struct OpenFile {
    number: usize,
    path: PathBuf,
    file: Arc<File>,
    writer: Writer<Arc<File>>,
    /// JSON that is not encoded yet.
    waiting: u64,
}

impl ParquetMaker {
    pub(super) fn new(
        columns: Columns,
        options: WriteOptions,
        file_size: u64,
        partitioning: Option<Partitioning>,
        paths: Paths,
    ) -> Self {
        Self {
            columns,
            options,
            file_size,
            partitioning,
            paths,
            open: HashMap::new(),
            files: Vec::new(),
            places: Vec::new(),
            written: 0,
        }
    }

    /// Writes rows of one folder; gives the number of their file.
    fn write(&mut self, partition: &Partition, rows: &Records) -> Result<usize> {
        if !self.open.contains_key(partition) {
            let opened = self.begin_file()?;
            self.open.insert(partition.clone(), opened);
        }
        let Some(file) = self.open.get_mut(partition) else {
            return Err(Error::bug("a file that was begun is not open"));
        };
        let number = file.number;
        file.writer.write(rows).map_err(|error| error.at(file.path.display()))?;
        self.wrote(partition, rows.bytes())?;
        Ok(number)
    }

    /// Writes `rows` rows of `bytes` bytes to the file that is open, if there is no more than one folder and they fit
    /// as they are.
    fn write_on(
        &mut self,
        (rows, bytes): (usize, u64),
        take: impl FnOnce(&mut Writer<Arc<File>>) -> Result<bool>,
    ) -> Result<bool> {
        let partition = Partition::default();
        let Some(file) = self.open.get_mut(&partition) else { return Ok(false) };
        let number = file.number;
        if !take(&mut file.writer).map_err(|error| error.at(file.path.display()))? {
            return Ok(false);
        }
        self.wrote(&partition, bytes)?;
        self.note(number, rows as u64);
        Ok(true)
    }

    /// Completes files that have become large, or too many.
    fn wrote(&mut self, partition: &Partition, bytes: u64) -> Result<()> {
        if let Some(file) = self.open.get_mut(partition) {
            file.waiting = (file.waiting + bytes) % BATCH_BYTES as u64;
            if file.writer.bytes() >= self.file_size {
                self.complete(partition)?;
            }
        }
        self.make_room()
    }

    /// The next rows went to this file.
    fn note(&mut self, number: usize, rows: u64) {
        match self.places.last_mut() {
            Some((last, count)) if *last == number => *count += rows,
            _ => self.places.push((number, rows)),
        }
    }

    fn begin_file(&mut self) -> Result<OpenFile> {
        let path = self.paths.next();
        let file = File::create(&path).map_err(|e| io_error("create", &path, e))?;
        let file = Arc::new(file);
        let writer = self.columns.writer(Arc::clone(&file), &self.options)?;
        self.files.push(None);
        Ok(OpenFile { number: self.files.len() - 1, path, file, writer, waiting: 0 })
    }

    /// Completes the largest files until the others fit into memory.
    fn make_room(&mut self) -> Result<()> {
        while self.open.len() > 1
            && (self.open.len() > MAX_OPEN
                || self.open.values().map(|file| file.waiting).sum::<u64>() > MAX_WAITING)
        {
            let largest = self.open.iter().max_by_key(|(_, file)| file.writer.bytes() + file.waiting);
            let Some(largest) = largest.map(|(partition, _)| partition.clone()) else { break };
            self.complete(&largest)?;
        }
        Ok(())
    }

    fn complete(&mut self, partition: &Partition) -> Result<()> {
        let Some(OpenFile { number, path, file, writer, .. }) = self.open.remove(partition) else {
            return Ok(());
        };
        let written = writer.close().map_err(|error| error.at(path.display()))?;
        file.sync_all().map_err(|e| io_error("sync", &path, e))?;
        self.written += written.bytes;
        let Partition { folder, fixed } = partition.clone();
        let made = MadeFile { path, folder, fixed, rows: written.rows, bytes: written.bytes };
        self.files[number] = Some(made);
        Ok(())
    }

    /// Throws away what was made so far.
    fn start_over(&mut self) {
        let complete = mem::take(&mut self.files).into_iter().flatten().map(|made| made.path);
        for path in complete.chain(mem::take(&mut self.open).into_values().map(|file| file.path)) {
            // What stays is swept when the folder is opened.
            let _ = fs::remove_file(path);
        }
        self.places.clear();
        self.written = 0;
    }
}

impl FileMaker for ParquetMaker {
    fn push(&mut self, rows: &Records) -> Result<bool> {
        match self.take(rows) {
            Err(error) if self.is_no_item(&error) => {
                self.make_table(&error);
                Ok(false)
            }
            taken => taken,
        }
    }

    fn push_block(&mut self, block: &Block) -> Result<bool> {
        if self.partitioning.is_some() {
            return Ok(false);
        }
        self.write_on((block.rows(), block.bytes()), |writer| writer.take_block(block))
    }

    fn learn(&mut self, rows: &Records) {
        if let Err(error) = self.learn_columns(rows) {
            self.make_table(&error);
            // A table has columns for all rows.
            let _ = self.learn_columns(rows);
        }
    }

    fn written(&self) -> u64 {
        self.written + self.open.values().map(|file| file.writer.bytes()).sum::<u64>()
    }

    fn finish(mut self: Box<Self>) -> Result<Made> {
        let open: Vec<Partition> = self.open.keys().cloned().collect();
        open.iter().try_for_each(|partition| self.complete(partition))?;
        let remember = Some(self.columns.encode()?);
        let files = mem::take(&mut self.files).into_iter().flatten().collect();
        Ok(Made { files, places: mem::take(&mut self.places), remember })
    }
}

impl ParquetMaker {
    /// Takes rows in, if there is room for them.
    fn take(&mut self, rows: &Records) -> Result<bool> {
        let Some(partitioning) = self.partitioning() else {
            if self.write_on((rows.len(), rows.bytes()), |writer| writer.take(rows))? {
                return Ok(true);
            }
            if !self.fits(rows)? {
                return Ok(false);
            }
            let number = self.write(&Partition::default(), rows)?;
            self.note(number, rows.len() as u64);
            return Ok(true);
        };
        let stripped = partitioning.strip(rows);
        if !self.fits(&stripped)? {
            return Ok(false);
        }
        let mut groups: HashMap<Partition, RecordsBuilder> = HashMap::new();
        let mut order = Vec::with_capacity(rows.len());
        for (row, stripped) in rows.iter().zip(stripped.iter()) {
            let partition = partitioning.of(row);
            groups.entry(partition.clone()).or_default().push(stripped);
            order.push(partition);
        }
        let mut numbers = HashMap::with_capacity(groups.len());
        for (partition, rows) in groups {
            let number = self.write(&partition, &rows.finish())?;
            numbers.insert(partition, number);
        }
        for number in order.iter().filter_map(|partition| numbers.get(partition)) {
            self.note(*number, 1);
        }
        Ok(true)
    }

    /// Whether the files begun so far have room for rows. If there are none yet, they will.
    fn fits(&mut self, rows: &Records) -> Result<bool> {
        let found = self.columns.of(rows)?;
        if self.columns.holds(&found) {
            return Ok(true);
        }
        self.columns.widen(&found);
        let fits = self.files.is_empty();
        if !fits {
            self.start_over();
        }
        Ok(fits)
    }

    fn learn_columns(&mut self, rows: &Records) -> Result<()> {
        let found = match self.partitioning() {
            Some(partitioning) => self.columns.of(&partitioning.strip(rows))?,
            None => self.columns.of(rows)?,
        };
        self.columns.widen(&found);
        Ok(())
    }

    /// The folders. Items stay whole, since their files are read one by one.
    fn partitioning(&self) -> Option<Partitioning> {
        self.partitioning.as_ref().map(|partitioning| match self.columns.layout() {
            TableLayout::Table => partitioning.clone(),
            TableLayout::StacGeoparquet => partitioning.with_whole_rows(),
        })
    }

    fn is_no_item(&self, error: &Error) -> bool {
        self.columns.layout() == TableLayout::StacGeoparquet && error.kind() == ErrorKind::Data
    }

    /// Some rows are no Items. They were committed before the table was to hold Items, since that is looked at
    /// when rows are staged. A table takes them.
    fn make_table(&mut self, error: &Error) {
        tracing::warn!(%error, "older rows are no STAC Items: their file becomes a plain table");
        self.start_over();
        self.columns = Columns::new(TableLayout::Table);
    }
}

impl Drop for ParquetMaker {
    fn drop(&mut self) {
        self.start_over();
    }
}
