//! The rows of files on the disk: text in, typed records out.
//!
//! ```text
//! file -> members of a zip, gzip, zstd or nothing -> window -> rows -> records
//! ```
//!
//! Rows are found many at once and read column by column. One that is not plain, or does not fit, is read by itself;
//! so there is one account of what is wrong with a row.
//!
//! A file is told by its first bytes, its header by its content, a unit of time by the size of the number:
//! archives change all of these without notice, and in the middle of a year. A row that does not fit is a
//! failure, and the rest goes on. A text that ends too early or has a wrong checksum fails as a whole, since
//! nobody knows what is missing.

mod batch;
mod cell;
mod compact;
mod digits;
mod fill;
mod header;
mod interval;
mod maker;
mod members;
mod moment;
mod preface;
mod quality;
mod sheet;
mod sorted;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use busta_core::{Error, Failure, Records, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use quality::Quality;

use super::layout::Table;
use super::member::Said;
use batch::Gather;
use interval::Interval;
use members::Texts;
use quality::Tally;
use sheet::{Place, Sheet};
use sorted::{Sizes, Sorted, Sorting, Start, Step, Text};

/// The value of a path that says how far apart rows are.
const INTERVAL: &str = "interval";

/// How often this process has begun to sort.
static SORTED: AtomicU64 = AtomicU64::new(0);

/// A file whose rows are being read. All of it blocks.
pub struct RowsFile {
    shown: String,
    name: std::path::PathBuf,
    table: Arc<Table>,
    about: Map<String, Value>,
    /// The distance of rows in the text under way.
    interval: Option<Interval>,
    texts: Texts,
    /// What the names of the texts say, if they say anything.
    said: Vec<Map<String, Value>>,
    /// The text that comes next, or is under way.
    next: usize,
    /// The text under way.
    open: Option<Sheet>,
    /// Where `open` starts, if not at its start.
    from: Option<Place>,
    tally: Tally,
    buffer: Vec<u8>,
    /// Where rows that are out of order are sorted; nowhere if they are given as they are.
    scratch: Option<PathBuf>,
    sizes: Sizes,
    /// From where on the text under way is sorted, and the sorted text once it is made.
    sorted_from: Option<Place>,
    sorting: Option<Sorting>,
    sorted: Option<Sorted>,
    /// The text under way is in order as a whole.
    in_order: bool,
}

/// Where to go on in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsPlace {
    /// Which member of an archive, by its place in the directory.
    member: u64,
    /// How many bytes of its text are done.
    offset: u64,
    /// How many lines.
    line: u64,
    /// These are places in the text that is made of this one by sorting what follows this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sorted_from: Option<Place>,
    /// The quality report so far.
    quality: Tally,
}

impl RowsPlace {
    /// How many rows before it became records.
    pub fn rows(&self) -> u64 {
        self.quality.rows()
    }
}

/// Some rows.
#[derive(Debug)]
pub struct RowsBatch {
    /// Those that are records, with their lines as origins.
    pub records: Records,
    /// Those that are not: `file:member:line` and the row as it is.
    pub failures: Vec<Failure>,
    /// What follows.
    pub end: RowsEnd,
}

/// What follows a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsEnd {
    /// More rows, from here on.
    More(RowsPlace),
    /// The next ones are being sorted, and none have come. What was reached before is where to go on.
    Sorting,
    /// Nothing. This is what the file was like.
    Done(Quality),
}

impl RowsFile {
    /// Opens the file at `path`, at its start or at `at`. `about` are values that every record holds besides
    /// its columns, and `shown` is what the file is called in messages.
    ///
    /// # Errors
    /// If the file cannot be read, is no archive though it starts like one, or a damaged one, or a bomb.
    pub fn open(
        path: &Path,
        table: &Arc<Table>,
        about: &Map<String, Value>,
        shown: &str,
        at: Option<&RowsPlace>,
    ) -> Result<Self> {
        let texts = Texts::of(path).map_err(|error| error.at(shown))?;
        let from = at.map(|at| Place { offset: at.offset, line: at.line });
        Ok(Self {
            shown: shown.to_owned(),
            name: path.to_owned(),
            table: table.clone(),
            about: about.clone(),
            interval: interval_of(table, about),
            next: at.map_or(0, |at| texts.at(at.member)),
            texts,
            said: Vec::new(),
            open: None,
            from: from.filter(|from| from.offset > 0),
            tally: at.map(|at| at.quality.clone()).unwrap_or_default(),
            buffer: Vec::new(),
            scratch: None,
            sizes: Sizes::USUAL,
            sorted_from: at.and_then(|at| at.sorted_from),
            sorting: None,
            sorted: None,
            in_order: false,
        })
    }

    /// The same with only those members of an archive whose names say something that is wanted. Their records hold it.
    ///
    /// # Errors
    /// If it is no archive, or no name says anything.
    pub fn of_members(mut self, at: Option<&RowsPlace>, said: impl Fn(&str) -> Option<Said>) -> Result<Self> {
        self.said = self.texts.choose(said).map_err(|error| error.at(&self.shown))?;
        self.next = at.map_or(0, |at| self.texts.at(at.member));
        Ok(self)
    }

    /// The same, whose rows are given in the order of their time: those that are not in it are sorted in files that
    /// are called as `scratch` and more.
    #[must_use]
    pub fn sorting_at(self, scratch: PathBuf) -> Self {
        Self { scratch: Some(scratch), ..self }
    }

    /// Reads rows for about so many bytes of records, or sorts them a step further.
    ///
    /// # Errors
    /// If a text cannot be read to its end, or has other columns than the table. Nothing of this call is valid
    /// then.
    pub fn read(&mut self, bytes: usize) -> Result<RowsBatch> {
        let mut gather = Gather::new(bytes, self.interval);
        while self.next < self.texts.len() {
            if !self.is_sorted().map_err(|error| error.at(self.text()))? {
                return Ok(self.batch(gather, RowsEnd::Sorting));
            }
            let shown = self.text();
            let mut sheet = match self.open.take() {
                Some(sheet) => sheet,
                None => self.sheet().map_err(|error| error.at(&shown))?,
            };
            gather.enter(&shown, sheet.columns());
            gather.measure(self.interval);
            let before = (sheet.place().unwrap_or_default(), self.tally.clone());
            let is_end = sheet.read(&mut gather, &mut self.tally).map_err(|error| error.at(&shown))?;
            if self.is_to_be_sorted(&before.1) {
                self.buffer = sheet.into_buffer();
                self.sort(before).map_err(|error| error.at(&shown))?;
                gather = Gather::new(bytes, self.interval);
                continue;
            }
            if is_end {
                (self.sorted_from, self.sorted, self.in_order) = (None, None, false);
                self.buffer = sheet.into_buffer();
                self.next += 1;
                // The next text may have other columns.
                if self.next < self.texts.len() && !gather.is_empty() {
                    return Ok(self.batch(gather, RowsEnd::More(self.place(Place::default()))));
                }
            } else {
                let place = sheet.place().unwrap_or_default();
                self.open = Some(sheet);
                return Ok(self.batch(gather, RowsEnd::More(self.place(place))));
            }
        }
        let end = RowsEnd::Done(self.tally.report(self.interval));
        Ok(self.batch(gather, end))
    }

    /// Whether the rows just read are not in order, and can be brought into it.
    fn is_to_be_sorted(&self, before: &Tally) -> bool {
        self.tally.out_of_order() > before.out_of_order()
            && self.sorted_from.is_none()
            && !self.in_order
            && self.scratch.is_some()
    }

    /// Begins to sort what follows a place that has such a tally.
    fn sort(&mut self, (place, before): (Place, Tally)) -> Result<()> {
        self.sorting = self.sorting(Start { place, previous: before.previous() })?;
        self.tally = before;
        if self.sorting.is_none() {
            self.give_up_sorting(place)?;
        }
        Ok(())
    }

    /// Sorts a step further what is to be sorted; whether nothing is left to sort.
    fn is_sorted(&mut self) -> Result<bool> {
        if self.sorting.is_none() && self.sorted.is_none() {
            self.begin_text()?;
        }
        let Some(sorting) = &mut self.sorting else { return Ok(true) };
        let (Start { place, .. }, step) = (sorting.start(), sorting.step()?);
        match step {
            Step::More => return Ok(false),
            Step::Sorted(sorted) => {
                // Where this is done again, it has been noted.
                if self.sorted_from.replace(place).is_none() {
                    self.tally.sorted(sorted.late);
                }
                self.sorted = Some(sorted);
            }
            Step::InOrder => (self.in_order, self.from) = (true, Some(place)),
            Step::Refused => self.give_up_sorting(place)?,
        }
        self.sorting = None;
        Ok(true)
    }

    /// Begins to sort a text that was being read sorted, or is known to be in no order.
    fn begin_text(&mut self) -> Result<()> {
        if let Some(place) = self.sorted_from {
            self.sorting = self.sorting(Start { place, previous: None })?;
            return if self.sorting.is_none() { self.give_up_sorting(place) } else { Ok(()) };
        }
        if self.table.unordered && self.scratch.is_some() && self.open.is_none() && self.from.is_none() {
            self.tally.enter_member();
            return self.sort((Place::default(), self.tally.clone()));
        }
        Ok(())
    }

    /// Gives the rows behind a place as they are.
    fn give_up_sorting(&mut self, place: Place) -> Result<()> {
        if self.sorted_from.is_some() {
            return Err(Error::config("rows that were sorted before cannot be sorted now")
                .hint("start a new run instead of resuming this one"));
        }
        (self.scratch, self.from) = (None, Some(place));
        Ok(())
    }

    fn sorting(&self, start: Start) -> Result<Option<Sorting>> {
        let Some(scratch) = &self.scratch else { return Ok(None) };
        let open = || self.texts.open(self.next, Vec::new());
        let text = Text::open(open, self.name(), &self.table, start.place)?;
        // An attempt that was given up may still be at work.
        let attempt = SORTED.fetch_add(1, Ordering::Relaxed);
        Ok(text.map(|text| Sorting::new(text, start, (scratch, attempt), self.sizes)))
    }

    fn batch(&self, gather: Gather, end: RowsEnd) -> RowsBatch {
        let (records, failures) = gather.finish();
        RowsBatch { records, failures, end }
    }

    /// Opens the text that comes next.
    fn sheet(&mut self) -> Result<Sheet> {
        let from = self.from.take();
        if from.is_none() && self.sorted_from.is_none() {
            self.tally.enter_member();
        }
        let buffer = std::mem::take(&mut self.buffer);
        let window = match &self.sorted {
            Some(sorted) => sorted.window(buffer)?,
            None => self.texts.open(self.next, buffer)?,
        };
        let from = from.filter(|from| from.offset > 0);
        let said = self.said.get(self.next).cloned().unwrap_or_default();
        let about = self.about.clone().into_iter().chain(said).collect();
        self.interval = interval_of(&self.table, &about);
        Sheet::open(window, self.name(), &self.table, &about, from)
    }

    /// The name that tells what the text that comes next has.
    fn name(&self) -> &Path {
        self.texts.member(self.next).map_or(&*self.name, Path::new)
    }

    fn place(&self, place: Place) -> RowsPlace {
        RowsPlace {
            member: self.texts.index(self.next),
            offset: place.offset,
            line: place.line,
            sorted_from: self.sorted_from,
            quality: self.tally.clone(),
        }
    }

    /// What the text that comes next is called.
    fn text(&self) -> String {
        let sorted = if self.sorted_from.is_some() { " (sorted)" } else { "" };
        match self.texts.member(self.next) {
            Some(member) => format!("{}:{member}{sorted}", self.shown),
            None => format!("{}{sorted}", self.shown),
        }
    }
}

fn interval_of(table: &Table, about: &Map<String, Value>) -> Option<Interval> {
    let of_path = about.get(INTERVAL).and_then(Value::as_str).filter(|_| table.regular);
    of_path.or(table.interval.as_deref()).and_then(Interval::parse)
}

/// Whether this is the distance of rows: `1s`, `5m`, `4h`, `3d`, `1w`, `1mo`.
pub fn is_interval(text: &str) -> bool {
    Interval::parse(text).is_some()
}

#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "parquet"))]
mod truth;
