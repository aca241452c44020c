//! One file that is being read, piece by piece.

use std::fs::File;
use std::io;
use std::path::Path;

use busta_core::{Error, Result};

use super::config::Settings;
use super::gather::Gather;
use super::list::Stamp;
use super::opened::Given;
use super::plan::Inside;
use crate::formats::csv::CsvCutter;
use crate::formats::detect::{Format, not_parquet};
use crate::formats::json::{JsonCutter, RecordsPath};
use crate::formats::ndjson::NdjsonCutter;
use crate::formats::window::Window;
use crate::formats::zip::is_zip;
use crate::formats::{Cut, Cutter, MAX_RECORD, unreadable};

/// A file, open somewhere between its start and its end.
pub(super) struct OpenFile {
    path: String,
    /// The file as it was when it was opened.
    pub stamp: Stamp,
    window: Window,
    cutter: Cutter,
    /// The last place where the file can be left.
    clean: Inside,
    /// What it has given so far.
    pub given: Given,
}

/// How far a pull came in a file.
pub(super) enum Progress {
    /// Its end is reached.
    End,
    /// The batch is full; the file goes on here.
    Inside(Inside),
}

impl OpenFile {
    /// Starts to read `file` at its start, or goes on at `from`.
    pub fn new(
        settings: &Settings,
        path: &str,
        (file, stamp): (File, Stamp),
        from: Option<Inside>,
        buffer: Vec<u8>,
    ) -> Result<Self> {
        let window = Window::open(file, settings.compression, settings.encoding, buffer);
        let window = window.map_err(|error| unreadable(&error))?;
        Self::over(settings, (path, Path::new(path)), (window, stamp), from)
    }

    /// Starts to read what `window` shows at its start, or goes on at `from`. `path` is for people, and
    /// `name` tells the format if the configuration does not.
    pub fn over(
        settings: &Settings,
        (path, name): (&str, &Path),
        (mut window, stamp): (Window, Stamp),
        from: Option<Inside>,
    ) -> Result<Self> {
        let failed = |error: io::Error| unreadable(&error);
        window.fill().map_err(failed)?;
        let mut cutter = cutter(settings, name, window.unread())?;
        if let Some(inside) = from {
            if let Cutter::Csv(rows) = &mut cutter {
                read_header(rows, &mut window).map_err(failed)?;
            }
            window.skip_to(inside.offset).map_err(failed)?;
            cutter.restore(inside.place);
        }
        let place = cutter.place().unwrap_or_default();
        let clean = Inside { stamp, member: None, offset: window.offset(), place };
        let given = Given::before(from);
        Ok(Self { path: path.to_owned(), stamp, window, cutter, clean, given })
    }

    /// Reads until the end of the file or of the room in `gather`. An error is one of the file as a
    /// whole; what came before it is in `gather`.
    pub fn read(&mut self, gather: &mut Gather) -> Result<Progress> {
        gather.waited += self.window.take_waited();
        gather.enter(&self.path, self.cutter.unit());
        loop {
            let window = self.window.unread();
            let (used, cut) = self.cutter.next(window, self.window.is_last());
            match cut {
                Cut::Record(span) => {
                    gather.record(&self.path, self.cutter.number(), &window[span]);
                    self.given.records = true;
                }
                Cut::Made(_) => {
                    gather.record(&self.path, self.cutter.number(), self.cutter.made());
                    self.given.records = true;
                }
                Cut::Bad { span, place, error } => {
                    gather.bad(&self.path, &place, &error, &window[span]);
                    self.given.failures = true;
                }
                Cut::More => {
                    self.more(used, gather)?;
                    continue;
                }
                Cut::End => return Ok(Progress::End),
            }
            self.window.consume(used);
            self.mark();
            if gather.is_full() && self.clean.offset == self.window.offset() {
                return Ok(Progress::Inside(self.clean));
            }
        }
    }

    /// Reads more of the file, or gives up an item that has grown too large.
    fn more(&mut self, used: usize, gather: &mut Gather) -> Result<()> {
        self.window.consume(used);
        if self.window.unread().len() > MAX_RECORD {
            let (used, cut) = self.cutter.give_up(self.window.unread());
            if let Cut::Bad { span, place, error } = cut {
                gather.bad(&self.path, &place, &error, &self.window.unread()[span]);
                self.given.failures = true;
            }
            self.window.consume(used);
        }
        let filled = self.window.fill();
        gather.read += self.window.take_read();
        gather.waited += self.window.take_waited();
        filled.map_err(|error| unreadable(&error))
    }

    /// Notes that the file could be left here.
    fn mark(&mut self) {
        if let Some(place) = self.cutter.place() {
            self.clean = Inside { offset: self.window.offset(), place, ..self.clean };
        }
    }

    /// The place after the last record; none if there is no record yet.
    pub fn last_place(&self) -> Option<Inside> {
        self.given.records.then_some(self.clean)
    }

    /// The memory, for the next file, and what was read since the last time.
    pub fn close(self) -> (Vec<u8>, u64) {
        let read = self.window.take_read();
        (self.window.into_buffer(), read)
    }
}

fn cutter(settings: &Settings, name: &Path, head: &[u8]) -> Result<Cutter> {
    if is_zip(head) {
        return Err(Error::data("this is a zip archive inside another file, which is not opened")
            .hint("unpack it, or leave it out with `exclude`"));
    }
    let format = match settings.format {
        Some(format) => format,
        None => match Format::of_name(name) {
            // Where the records lie inside documents, a line that is a document is no record.
            Some(Format::Json) if settings.records != RecordsPath::Auto => Format::Json,
            named => Format::of_text(head, named)?,
        },
    };
    Ok(match format {
        Format::Json if head.is_empty() => {
            return Err(Error::data("the file is empty").hint("it is read again by the next run"));
        }
        Format::Json => Cutter::Json(JsonCutter::new(settings.records.clone())),
        Format::Ndjson => Cutter::Ndjson(NdjsonCutter::default()),
        Format::Csv => {
            let mut options = settings.csv.clone();
            if options.delimiter.is_none() && is_tab_separated(name) {
                options.delimiter = Some(b'\t');
            }
            Cutter::Csv(CsvCutter::new(options))
        }
        Format::Parquet => return Err(not_parquet(head)),
    })
}

fn is_tab_separated(name: &Path) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    [".tsv", ".tab"].iter().any(|ending| name.ends_with(ending) || name.contains(&format!("{ending}.")))
}

fn read_header(rows: &mut CsvCutter, window: &mut Window) -> io::Result<()> {
    loop {
        if let Some(used) = rows.read_header(window.unread(), window.is_last()) {
            window.consume(used);
            return Ok(());
        }
        if window.unread().len() > MAX_RECORD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the first row has no end"));
        }
        window.fill()?;
    }
}
