//! Rows that are not in the order of their time, brought into it.
//!
//! Nearly all files are in order, and cost nothing here. Where a batch is found that is not, it is not given: what
//! follows it is sorted into a text on the disk, which is read in its place. Rows go into runs of a few MiB, each sorted
//! in memory, and the runs are merged; rows of one time keep their order. What was given before was in order, so the
//! rows of a file are in order as a whole unless the first of them that is not comes after a batch of 2 MiB: then they
//! are as two stretches, each in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};

use super::cell::{self, Said};
use super::header::Order;
use super::sheet::{self, Place, QUOTE};
use crate::formats::csv::{Found, RowCutter};
use crate::formats::window::Window;
use crate::formats::{CutterPlace, MAX_RECORD, unreadable};
use crate::sources::archive::layout::{Kind, Table};

/// So much of each run is read at once: of 10 GiB there are 2,500.
const PIECE: usize = 16 << 10;

/// So much is written at once.
const BLOCK: usize = 256 << 10;

/// A sorted text on the disk, which is removed when nobody reads it any more.
#[derive(Debug)]
pub(super) struct Sorted {
    path: PathBuf,
    /// How many rows were earlier than the one before them.
    pub late: u64,
}

/// Where sorting begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// In the text.
    pub place: Place,
    /// The time of the row before, in microseconds.
    pub previous: Option<i64>,
}

impl Sorted {
    /// Sorts what follows `start` in a text into `scratch`, in runs of so many bytes; `open` shows the text from its
    /// beginning. `None` if it has a row that is too large, or its rows have no time.
    ///
    /// # Errors
    /// If the text cannot be read to its end, or the disk is full.
    pub fn make(
        open: impl Fn() -> Result<Window>,
        table: &Table,
        start: Start,
        (scratch, run): (&Path, usize),
    ) -> Result<Option<Self>> {
        let mut text = Text::open(open, table, start.place)?;
        let Some(time) = text.time(table) else { return Ok(None) };
        let mut runs = Runs::new(scratch, run);
        // By what a row is sorted must be the same after a crash, when nobody knows what stood before.
        let (mut late, mut previous, mut order) = (0, start.previous, i64::MIN);
        loop {
            let Some(row) = text.next(time)? else { break };
            let Row { bytes, time } = match row {
                Some(row) => row,
                None => return Ok(None),
            };
            late += u64::from(time.zip(previous).is_some_and(|(time, previous)| time < previous));
            previous = time.or(previous);
            // What has no time stays behind the row before it.
            order = time.unwrap_or(order);
            runs.push(order, bytes).map_err(|error| unwritable(&error, scratch))?;
        }
        runs.merge(&text.header).map_err(|error| unwritable(&error, scratch))?;
        Ok(Some(Self { path: scratch.to_owned(), late }))
    }

    /// A window at its start.
    pub fn window(&self, buffer: Vec<u8>) -> Result<Window> {
        let window = File::open(&self.path).and_then(|file| Window::open(file, None, None, buffer));
        window.map_err(|error| unreadable(&error))
    }
}

/// Nothing is wrong with the file.
fn unwritable(error: &io::Error, scratch: &Path) -> Error {
    Error::config(format!("rows cannot be sorted at {}: {error}", scratch.display()))
        .hint("make room for twice the text of the file; `--resume` goes on from here")
}

impl Drop for Sorted {
    fn drop(&mut self) {
        // What stays is swept with the part files.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The text that is sorted.
struct Text {
    window: Window,
    rows: RowCutter,
    order: Order,
    /// The first row, if it holds names.
    header: Vec<u8>,
    /// How much of the window the row takes that was given last.
    given: usize,
}

struct Row<'a> {
    bytes: &'a [u8],
    time: Option<i64>,
}

impl Text {
    fn open(open: impl Fn() -> Result<Window>, table: &Table, from: Place) -> Result<Self> {
        let failed = |error: io::Error| unreadable(&error);
        let mut rows = RowCutter::new(sheet::delimiter(table), QUOTE);
        // One after the other: windows of members share the file and its position.
        let mut head = open()?;
        head.fill().map_err(failed)?;
        let order = sheet::header(table, &mut head, &mut rows)?;
        let length = head.offset();
        drop(head);
        let mut body = open()?;
        body.fill().map_err(failed)?;
        let mut header = Vec::new();
        while (header.len() as u64) < length && !(body.unread().is_empty() && body.is_last()) {
            let rest = usize::try_from(length).unwrap_or(usize::MAX) - header.len();
            let some = rest.min(body.unread().len());
            header.extend_from_slice(&body.unread()[..some]);
            body.consume(some);
            body.fill().map_err(failed)?;
        }
        if from.offset > length {
            body.skip_to(from.offset).map_err(failed)?;
        }
        rows.restore(CutterPlace { count: from.line, ..CutterPlace::default() });
        Ok(Self { window: body, rows, order, header, given: 0 })
    }

    /// Which field is the time.
    fn time(&self, table: &Table) -> Option<usize> {
        let name = table.time.as_ref()?;
        self.order.columns.iter().position(|column| column.name == *name)
    }

    /// The next row, whose time is the field `time`; the inner `None` if it is too large.
    fn next(&mut self, time: usize) -> Result<Option<Option<Row<'_>>>> {
        self.window.consume(std::mem::take(&mut self.given));
        let (start, length) = loop {
            let (used, found) = self.rows.next(self.window.unread(), self.window.is_last());
            match found {
                Found::Row(length) => break (used, length),
                Found::End => return Ok(None),
                Found::More => self.window.consume(used),
            }
            if self.window.unread().len() > MAX_RECORD {
                return Ok(Some(None));
            }
            self.window.fill().map_err(|error| unreadable(&error))?;
        };
        self.window.consume(start);
        let bytes = &self.window.unread()[..length];
        let said =
            std::str::from_utf8(bytes).ok().filter(|_| self.rows.trouble().is_none()).and_then(|text| {
                let field = self.rows.row.texts(text, QUOTE).nth(time)?;
                match cell::read(&field, Kind::Time) {
                    Ok(Said::Moment(moment)) => Some(moment.micros()),
                    _ => None,
                }
            });
        let length =
            if self.rows.trouble().is_some() { self.rows.refuse(bytes, length, 0).0 } else { length };
        self.given = length;
        Ok(Some(Some(Row { bytes: &bytes[..length], time: said })))
    }
}

/// Runs of rows on the disk, and the one that is being gathered.
struct Runs<'a> {
    scratch: &'a Path,
    size: usize,
    text: Vec<u8>,
    /// The time, the start and the length of each row.
    rows: Vec<(i64, usize, usize)>,
    /// Where each run is, and how many rows it has.
    runs: Vec<(PathBuf, usize)>,
}

impl<'a> Runs<'a> {
    fn new(scratch: &'a Path, size: usize) -> Self {
        Self { scratch, size, text: Vec::new(), rows: Vec::new(), runs: Vec::new() }
    }

    fn push(&mut self, time: i64, row: &[u8]) -> io::Result<()> {
        self.rows.push((time, self.text.len(), row.len()));
        self.text.extend_from_slice(row);
        if self.text.len() >= self.size { self.end_run() } else { Ok(()) }
    }

    /// Writes the run: of each row its time, its length and itself.
    fn end_run(&mut self) -> io::Result<()> {
        let path = self.scratch.with_extension(format!("{}.part", self.runs.len()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = BufWriter::with_capacity(BLOCK, File::create(&path)?);
        self.runs.push((path, self.rows.len()));
        self.rows.sort_by_key(|(time, ..)| *time);
        for (time, start, length) in self.rows.drain(..) {
            out.write_all(&time.to_le_bytes())?;
            out.write_all(&(length as u64).to_le_bytes())?;
            out.write_all(&self.text[start..start + length])?;
        }
        self.text.clear();
        out.into_inner()?;
        Ok(())
    }

    /// Merges all runs behind `header`.
    fn merge(mut self, header: &[u8]) -> io::Result<()> {
        self.end_run()?;
        let mut runs =
            self.runs.iter().map(|(path, rows)| Run::open(path, *rows)).collect::<io::Result<Vec<_>>>()?;
        let mut out = BufWriter::with_capacity(BLOCK, File::create(self.scratch)?);
        out.write_all(header)?;
        // Of rows of one time, those of the earlier run stand first.
        let next = |runs: &[Run], index: usize| runs[index].time.map(|time| Reverse((time, index)));
        let mut heap: BinaryHeap<_> = (0..runs.len()).filter_map(|index| next(&runs, index)).collect();
        while let Some(Reverse((_, index))) = heap.pop() {
            out.write_all(&runs[index].row)?;
            if runs[index].row.last() != Some(&b'\n') {
                out.write_all(b"\n")?;
            }
            runs[index].step()?;
            heap.extend(next(&runs, index));
        }
        out.into_inner()?;
        Ok(())
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        for (path, _) in &self.runs {
            // What stays is swept with the part files.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A run that is being read.
struct Run {
    file: BufReader<File>,
    /// How many rows follow.
    left: usize,
    /// The time of `row`; nothing at the end.
    time: Option<i64>,
    row: Vec<u8>,
}

impl Run {
    fn open(path: &Path, left: usize) -> io::Result<Self> {
        let file = BufReader::with_capacity(PIECE, File::open(path)?);
        let mut run = Self { file, left, time: None, row: Vec::new() };
        run.step()?;
        Ok(run)
    }

    fn step(&mut self) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(1) else {
            self.time = None;
            return Ok(());
        };
        let (mut time, mut length) = ([0; 8], [0; 8]);
        self.file.read_exact(&mut time)?;
        self.file.read_exact(&mut length)?;
        self.row.resize(usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX), 0);
        self.file.read_exact(&mut self.row)?;
        (self.left, self.time) = (left, Some(i64::from_le_bytes(time)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let columns = json!([{ "name": "id", "type": "integer" }, { "name": "t", "type": "time" }]);
        serde_json::from_value(json!({ "columns": columns, "time": "t" })).unwrap()
    }

    fn sort(text: &str, run: usize) -> (String, u64) {
        let folder = tempfile::tempdir().unwrap();
        let (path, scratch) = (folder.path().join("a.csv"), folder.path().join("deep/a.rows.part"));
        std::fs::write(&path, text).unwrap();
        let open = || Ok(Window::open(File::open(&path).unwrap(), None, None, Vec::new()).unwrap());
        let start = Start { place: Place::default(), previous: None };
        let sorted = Sorted::make(open, &table(), start, (&scratch, run)).unwrap().unwrap();
        let text = std::fs::read_to_string(&scratch).unwrap();
        let late = sorted.late;
        drop(sorted);
        assert_eq!(std::fs::read_dir(scratch.parent().unwrap()).unwrap().count(), 0, "all is removed");
        (text, late)
    }

    #[test]
    fn rows_without_a_time_stay_behind_the_row_before_them() {
        let text = "id,t\n1,1704067203\n2,x\n3,1704067201\n4,1704067202,\"\n5,1704067201";
        let sorted = "id,t\n3,1704067201\n4,1704067202,\"\n5,1704067201\n1,1704067203\n2,x\n";
        for run in [1, 20, 1 << 20] {
            assert_eq!(sort(text, run), (sorted.to_owned(), 1), "{run}");
        }
    }

    proptest! {
        /// In runs of any size, rows come out as a stable sort by their times puts them.
        #[test]
        fn rows_are_sorted_and_those_of_one_time_keep_their_order(
            times in proptest::collection::vec(0u64..30, 1..60), header in any::<bool>(), run in 1usize..400,
        ) {
            let row = |(id, time): (usize, u64)| format!("{id},{}\n", 1_704_067_200 + time);
            let mut rows: Vec<(usize, u64)> = times.iter().copied().enumerate().collect();
            let head = if header { "id,t\n" } else { "" };
            let text = |rows: &[(usize, u64)]| head.to_owned() + &rows.iter().copied().map(row).collect::<String>();
            let shuffled = text(&rows);
            rows.sort_by_key(|(_, time)| *time);
            let late = times.windows(2).filter(|two| two[1] < two[0]).count() as u64;
            prop_assert_eq!(sort(&shuffled, run), (text(&rows), late));
        }
    }
}
