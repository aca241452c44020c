//! One Parquet file that is being read. A place inside it is a number of rows.

use std::fs::File;

use busta_core::{Error, Records, Result};
use busta_parquet::ParquetReader;

use super::gather::Gather;
use super::list::Stamp;
use super::open::Progress;
use super::opened::Given;
use super::plan::Inside;
use crate::formats::{CutterPlace, MAX_RECORD};

/// What stands before the number of a row.
const ROW: &str = "row ";

/// So many bytes may JSON need for one (`\u0000`).
const LONGEST_ESCAPE: usize = 6;

/// A Parquet file, open somewhere between its start and its end.
pub(super) struct TableFile {
    path: String,
    /// The file as it was when it was opened.
    pub stamp: Stamp,
    /// How many bytes are read for all of it.
    size: u64,
    reader: ParquetReader,
    /// What it has given so far.
    pub given: Given,
}

impl TableFile {
    /// Starts to read `file` at its first row, or goes on at `from`. A file of STAC Items
    /// (stac-geoparquet) gives these Items.
    pub fn new(path: &str, (file, stamp): (File, Stamp), from: Option<Inside>) -> Result<Self> {
        let mut reader = ParquetReader::open(file)?;
        if reader.is_stac() {
            reader = reader.as_items();
        }
        if let Some(inside) = from {
            reader.skip_to(inside.offset);
        }
        Ok(Self { path: path.to_owned(), stamp, size: stamp.size, reader, given: Given::before(from) })
    }

    /// The same as a member of an archive, where it takes so many bytes.
    pub fn packed(self, size: u64) -> Self {
        Self { size, ..self }
    }

    /// See [`super::opened::Opened::read`].
    pub fn read(&mut self, gather: &mut Gather) -> Result<Progress> {
        gather.enter(&self.path, ROW);
        while !gather.is_full() {
            let first = self.reader.position();
            let Some(records) = self.reader.next().transpose()? else { return Ok(Progress::End) };
            gather.read += self.share(self.reader.position()) - self.share(first);
            self.add(first, records, gather);
        }
        let is_end = self.reader.position() == self.reader.rows();
        Ok(if is_end { Progress::End } else { Progress::Inside(self.place()) })
    }

    /// Adds rows from number `first` on, counted from 0.
    fn add(&mut self, first: u64, records: Records, gather: &mut Gather) {
        if records.bytes() < (MAX_RECORD / LONGEST_ESCAPE) as u64 {
            self.given.records = true;
            gather.table(&self.path, first, records);
            return;
        }
        for (row, record) in (first + 1..).zip(records.iter()) {
            if record.len() > MAX_RECORD {
                let error = Error::data(format!("this row is larger than {} MiB", MAX_RECORD >> 20));
                gather.bad(&self.path, &format!("{ROW}{row}"), &error, record);
                self.given.failures = true;
            } else {
                self.given.records = true;
                gather.record(&self.path, row, record);
            }
        }
    }

    /// See [`super::opened::Opened::last_place`].
    pub fn last_place(&self) -> Option<Inside> {
        self.given.records.then(|| self.place())
    }

    fn place(&self) -> Inside {
        let row = self.reader.position();
        let place = CutterPlace { count: row, ..CutterPlace::default() };
        Inside { stamp: self.stamp, member: None, offset: row, place }
    }

    /// The part of the file that its first `rows` take.
    fn share(&self, rows: u64) -> u64 {
        let share = u128::from(self.size) * u128::from(rows) / u128::from(self.reader.rows().max(1));
        // No more than the size of the file.
        share as u64
    }
}
