//! One Parquet file that is being read. A place inside it is a number of rows.

use std::fs::File;

use busta_core::{Error, Result};
use busta_parquet::ParquetReader;

use super::gather::Gather;
use super::list::Stamp;
use super::open::Progress;
use super::plan::{Inside, Start};
use crate::formats::{CutterPlace, MAX_RECORD};

/// What stands before the number of a row.
const ROW: &str = "row ";

/// A Parquet file, open somewhere between its start and its end.
pub(super) struct TableFile {
    path: String,
    stamp: Stamp,
    reader: ParquetReader,
    has_records: bool,
    has_failures: bool,
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
        Ok(Self { path: path.to_owned(), stamp, reader, has_records: from.is_some(), has_failures: false })
    }

    /// See [`super::opened::Opened::read`].
    pub fn read(&mut self, gather: &mut Gather) -> Result<Progress> {
        gather.enter(&self.path, ROW);
        let first = self.reader.position();
        let progress = self.rows(gather);
        gather.read += self.share(self.reader.position()) - self.share(first);
        progress
    }

    fn rows(&mut self, gather: &mut Gather) -> Result<Progress> {
        while !gather.is_full() {
            let start = gather.buffer.len();
            if !self.reader.next_row(&mut gather.buffer)? {
                return Ok(Progress::End);
            }
            let row = self.reader.position();
            if gather.buffer.len() - start > MAX_RECORD {
                let error = Error::data(format!("this row is larger than {} MiB", MAX_RECORD >> 20));
                let record = gather.buffer.split_off(start);
                gather.bad(&self.path, &format!("{ROW}{row}"), &error, &record);
                self.has_failures = true;
            } else {
                gather.made(&self.path, row, start);
                self.has_records = true;
            }
        }
        Ok(Progress::Inside(self.place()))
    }

    /// See [`super::opened::Opened::start_at_end`].
    pub fn start_at_end(&self) -> Option<Start> {
        let is_read = self.has_records || !self.has_failures;
        is_read.then_some(Start { stamp: self.stamp, from: None })
    }

    /// See [`super::opened::Opened::last_place`].
    pub fn last_place(&self) -> Option<Inside> {
        self.has_records.then(|| self.place())
    }

    fn place(&self) -> Inside {
        let row = self.reader.position();
        let place = CutterPlace { count: row, ..CutterPlace::default() };
        Inside { stamp: self.stamp, member: None, offset: row, place }
    }

    /// The part of the file that its first `rows` take.
    fn share(&self, rows: u64) -> u64 {
        let share = u128::from(self.stamp.size) * u128::from(rows) / u128::from(self.reader.rows().max(1));
        // No more than the size of the file.
        share as u64
    }
}
