//! Rows that are not in the order of their time, brought into it.
//!
//! Nearly all files are in order, and cost nothing here. Where a batch is found that is not, it is not given: what
//! follows it is sorted into a text on the disk, which is read in its place. Its rows (`text`) go into runs of a few
//! MiB, each sorted in memory, and runs that follow one another are merged until there is one (`runs`, `merge`); rows of
//! one time keep their order. What was given before was in order, so the rows of a file are in order as a whole unless
//! the first of them that is not comes after a batch of 2 MiB: then they are as two stretches, each in order. A table
//! that is known to be [`unordered`](crate::sources::archive::layout::Table::unordered) is sorted before that.
//!
//! A file may take longer than a reader may be silent. So all of this goes in steps, each of which reads and writes a
//! bounded number of bytes; who stops between two of them begins anew, with the same outcome.

mod merge;
mod runs;
mod text;

use std::fs::File;
use std::io;
use std::path::Path;

use busta_core::{Error, Result};

use super::sheet::Place;
use crate::formats::unreadable;
use crate::formats::window::Window;
use merge::Merge;
use runs::{Runs, Scratch};
pub(super) use text::Text;
use text::{Next, Row};

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// So many bytes of rows are sorted in memory.
    pub run: usize,
    /// So many runs are open together. Of 10 GiB there are 2,500.
    pub open: usize,
    /// So many bytes of rows are read and written in a step, and a row more: at a MB per second, a disk takes half a
    /// minute for it.
    pub step: u64,
}

impl Sizes {
    /// Those of all files.
    pub const USUAL: Self = Self { run: 4 << 20, open: 64, step: 32 << 20 };
}

/// A sorted text on the disk, which is removed when nobody reads it any more.
#[derive(Debug)]
pub(super) struct Sorted {
    file: Scratch,
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

/// Rows on their way into order.
pub(super) struct Sorting {
    text: Text,
    runs: Runs,
    /// Once all rows are in runs: those that are becoming one.
    merge: Option<Merge>,
    is_read: bool,
    start: Start,
    late: u64,
    previous: Option<i64>,
    /// By what a row without a time is sorted. It must be the same after a crash, when nobody knows what stood before.
    order: i64,
    step: u64,
}

/// What a step has come to.
#[derive(Debug)]
pub(super) enum Step {
    /// There is more to do.
    More,
    /// All is done.
    Sorted(Sorted),
    /// There is nothing to do: the text is in order from its beginning to its end.
    InOrder,
    /// A row is too large.
    Refused,
}

impl Sorting {
    /// Begins to sort what follows `start` in `text`, into files that are called as `scratch`, the number of this
    /// attempt and more. Those of other attempts are removed.
    pub fn new(text: Text, start: Start, (scratch, attempt): (&Path, u64), sizes: Sizes) -> Self {
        runs::clear(scratch);
        let runs = Runs::new(scratch.with_extension(format!("{attempt}.part")), sizes);
        let (previous, step) = (start.previous, sizes.step);
        Self { text, runs, merge: None, is_read: false, start, late: 0, previous, order: i64::MIN, step }
    }

    /// Where it began.
    pub fn start(&self) -> Start {
        self.start
    }

    /// Goes on by a step.
    ///
    /// # Errors
    /// If the text cannot be read to its end, or the disk is full.
    pub fn step(&mut self) -> Result<Step> {
        let mut left = self.step;
        loop {
            let step = if self.is_read { self.merge(&mut left)? } else { self.read(&mut left)? };
            if left == 0 || !matches!(step, Step::More) {
                return Ok(step);
            }
        }
    }

    /// Brings rows into runs.
    fn read(&mut self, left: &mut u64) -> Result<Step> {
        self.text.approach(left)?;
        while *left > 0 {
            match self.text.next()? {
                Next::Row(Row { bytes, time }) => {
                    let is_late = time.zip(self.previous).is_some_and(|(time, previous)| time < previous);
                    self.late += u64::from(is_late);
                    self.previous = time.or(self.previous);
                    // What has no time stays behind the row before it.
                    self.order = time.unwrap_or(self.order);
                    *left = left.saturating_sub(bytes.len() as u64);
                    self.runs.push(self.order, bytes).map_err(|error| self.runs.unwritable(&error))?;
                }
                Next::TooLarge => return Ok(Step::Refused),
                Next::End if self.late == 0 && self.start.place.offset == 0 => return Ok(Step::InOrder),
                Next::End => {
                    self.is_read = true;
                    self.runs.end_run().map_err(|error| self.runs.unwritable(&error))?;
                    break;
                }
            }
        }
        Ok(Step::More)
    }

    /// Makes fewer runs of many, and the text of the last.
    fn merge(&mut self, left: &mut u64) -> Result<Step> {
        let mut merge = || {
            let mut merge = match self.merge.take() {
                Some(merge) => merge,
                None => self.runs.merge(self.text.header())?,
            };
            if merge.goes_on(left)? {
                self.merge = Some(merge);
                return Ok(None);
            }
            self.runs.merged(merge)
        };
        let made = merge().map_err(|error| self.runs.unwritable(&error))?;
        Ok(made.map_or(Step::More, |file| Step::Sorted(Sorted { file, late: self.late })))
    }
}

impl Sorted {
    /// A window at its start.
    pub fn window(&self, buffer: Vec<u8>) -> Result<Window> {
        let window = File::open(self.file.path()).and_then(|file| Window::open(file, None, None, buffer));
        window.map_err(|error| unreadable(&error))
    }
}

impl Runs {
    /// Nothing is wrong with the file.
    fn unwritable(&self, error: &io::Error) -> Error {
        Error::config(format!("rows cannot be sorted at {}: {error}", self.scratch().display()))
            .hint("make room for twice the text of the file; `--resume` goes on from here")
    }
}

#[cfg(test)]
mod tests;
