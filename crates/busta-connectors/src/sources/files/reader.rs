//! Reads one split: a group of files, or one large file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use busta_core::meter::Meter;
use busta_core::{
    Batch, Cursor, Error, ErrorKind, Failure, Reader, Records, Result, Split, Stage, WriteMode,
};
use serde::{Deserialize, Serialize};

use super::config::Settings;
use super::gather::Gather;
use super::list::{Stamp, Unlisted, path_of};
use super::open::Progress;
use super::opened::Opened;
use super::plan::{Entry, Inside, Start, Work};
use crate::blocking::blocking;
use crate::formats::compression::Compression;
use crate::formats::detect::Format;
use crate::formats::json::{ITEM, spans_of_document};
use crate::formats::unreadable;

/// A JSON document up to this size is read into the batch as a whole.
const WHOLE_FILE: u64 = 1 << 20;

/// A split's own cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// How many of its files are done.
    files: usize,
    /// How far the next one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inside: Option<Inside>,
}

/// The reader of a split.
pub(super) struct FilesReader {
    settings: Arc<Settings>,
    meter: Arc<dyn Meter>,
    files: Arc<[Entry]>,
    unlisted: Vec<Unlisted>,
    at: Position,
    /// The file under way. It is away while a blocking thread works on it; if that work is dropped,
    /// the file is opened again at `at`.
    open: Option<Opened>,
}

impl FilesReader {
    /// A reader of `split` that goes on after `at`.
    pub fn new(
        settings: Arc<Settings>,
        meter: Arc<dyn Meter>,
        split: &Split,
        at: Option<&Cursor>,
    ) -> Result<Self> {
        let (files, unlisted) = match split.decode()? {
            Work::Files(files) => (files, Vec::new()),
            Work::Unlisted(unlisted) => (Vec::new(), unlisted),
        };
        let at = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { settings, meter, files: files.into(), unlisted, at, open: None })
    }
}

#[async_trait]
impl Reader for FilesReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if !self.unlisted.is_empty() {
            let mut batch = Batch::last(Records::default());
            batch.failures = self.unlisted.drain(..).map(|unlisted| failure(&unlisted)).collect();
            return Ok(Some(batch));
        }
        if self.at.files >= self.files.len() {
            return Ok(None);
        }
        let mut pull = Pull {
            settings: self.settings.clone(),
            files: self.files.clone(),
            at: self.at,
            open: self.open.take(),
            buffer: Vec::new(),
        };
        self.meter.asking(&self.files[self.at.files].path);
        let meter = self.meter.clone();
        let (pull, batch) = blocking(move || {
            let batch = pull.run(&*meter);
            (pull, batch)
        })
        .await?;
        let batch = batch?;
        self.at = pull.at;
        self.open = pull.open;
        Ok(Some(batch))
    }
}

fn failure(unlisted: &Unlisted) -> Failure {
    let kind = if unlisted.is_missing { ErrorKind::NotFound } else { ErrorKind::Data };
    let error = Error::new(kind, unlisted.reason.clone()).hint("look at `paths`, and at who may read it");
    Failure::item(Stage::Read, unlisted.path.clone(), &error, None)
}

/// One pull, on a blocking thread.
struct Pull {
    settings: Arc<Settings>,
    files: Arc<[Entry]>,
    at: Position,
    open: Option<Opened>,
    /// A window's memory, handed from file to file.
    buffer: Vec<u8>,
}

impl Pull {
    fn run(&mut self, meter: &dyn Meter) -> Result<Batch> {
        let ahead = self.files[self.at.files..].iter().take(Gather::FILES);
        let mut gather = Gather::new(self.settings.clone(), ahead.map(|entry| entry.size + 1).sum());
        let mut outcome = Ok(());
        while self.at.files < self.files.len() && !gather.is_full() && outcome.is_ok() {
            outcome = self.file(&mut gather);
        }
        meter.bytes(gather.read);
        meter.waited(gather.waited);
        match outcome {
            // What was read before the trouble is given first; the next pull meets it again.
            Err(error) if gather.is_empty() => Err(error),
            _ => Ok(gather.finish(Cursor::encode(&self.at)?, self.at.files == self.files.len())),
        }
    }

    /// Goes on with the file under way, or with the next one. An error concerns all files.
    fn file(&mut self, gather: &mut Gather) -> Result<()> {
        let files = self.files.clone();
        let entry = &files[self.at.files];
        let opened = match self.open.take() {
            Some(open) => Ok(Some(open)),
            None => self.next_file(entry, gather),
        };
        match opened {
            Ok(Some(open)) => self.go_on(open, entry, gather)?,
            Ok(None) => self.leave(gather),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error.at(&entry.path)),
            Err(error) => {
                gather.failed(&entry.path, &error);
                self.leave(gather);
            }
        }
        Ok(())
    }

    fn leave(&mut self, gather: &mut Gather) {
        gather.file_done();
        self.at = Position { files: self.at.files + 1, inside: None };
    }

    fn go_on(&mut self, mut open: Opened, entry: &Entry, gather: &mut Gather) -> Result<()> {
        let start = match open.read(gather) {
            Ok(Progress::Inside(inside)) => {
                self.stay(inside, entry, gather)?;
                self.open = Some(open);
                return Ok(());
            }
            Ok(Progress::End) => open.start_at_end(),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                if let Some(inside) = open.last_place() {
                    self.stay(inside, entry, gather)?;
                }
                return Err(error.at(&entry.path));
            }
            Err(error) => {
                gather.failed(&entry.path, &error);
                open.last_place().map(Start::inside)
            }
        };
        if let Some(start) = start {
            gather.start(&entry.path, &start)?;
        }
        let (buffer, read) = open.close();
        self.buffer = buffer;
        gather.read += read;
        self.leave(gather);
        Ok(())
    }

    /// Leaves the file at a place inside.
    fn stay(&mut self, inside: Inside, entry: &Entry, gather: &mut Gather) -> Result<()> {
        self.at.inside = Some(inside);
        gather.start(&entry.path, &Start::inside(inside))
    }

    /// Opens the next file; `None` if it has been read already, as a whole.
    fn next_file(&mut self, entry: &Entry, gather: &mut Gather) -> Result<Option<Opened>> {
        let from = self.at.inside.or(entry.from);
        let failed = |error: std::io::Error| unreadable(&error);
        let started = Instant::now();
        let mut file = File::open(path_of(&self.settings, &entry.path)).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        gather.waited += started.elapsed();
        let stamp = Stamp::of(&metadata);
        let from = self.still_valid(from, stamp)?;
        if from.is_none() && stamp.size <= WHOLE_FILE && self.is_plain_document(&entry.path) {
            if read_whole(&mut file, entry, stamp, &self.settings, gather).map_err(failed)? {
                gather.start(&entry.path, &Start { stamp, from: None })?;
                return Ok(None);
            }
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        let buffer = std::mem::take(&mut self.buffer);
        Opened::new(&self.settings, &entry.path, (file, stamp), from, buffer).map(Some)
    }

    /// The place to go on at, if the file is still the one it was found in.
    fn still_valid(&self, from: Option<Inside>, stamp: Stamp) -> Result<Option<Inside>> {
        match from {
            Some(inside) if inside.stamp != stamp => match self.settings.stream.write_mode {
                WriteMode::Merge => Ok(None),
                WriteMode::Append | WriteMode::Replace => {
                    Err(Error::data("the file has changed since its first part was stored")
                        .hint("the next run reads it anew; with a `primary_key` that can be done at once"))
                }
            },
            from => Ok(from),
        }
    }

    /// Whether the file may be a JSON document that needs nothing done to its text.
    fn is_plain_document(&self, path: &str) -> bool {
        let settings = &self.settings;
        let is_json = match settings.format {
            Some(format) => format == Format::Json,
            None => Format::of_name(Path::new(path)) == Some(Format::Json),
        };
        is_json
            && matches!(settings.compression, None | Some(Compression::None))
            && settings.encoding.is_none()
            && settings.path_field.is_none()
    }
}

/// Reads a small file straight into the batch and cuts it there. `false` if it is not a plain, valid
/// document; then nothing has happened.
fn read_whole(
    file: &mut File,
    entry: &Entry,
    stamp: Stamp,
    settings: &Settings,
    gather: &mut Gather,
) -> std::io::Result<bool> {
    let start = gather.buffer.len();
    // One byte more than there should be, so that a single read also shows the end.
    gather.buffer.resize(start + stamp.size as usize + 1, 0);
    let mut end = start;
    let started = Instant::now();
    loop {
        match file.read(&mut gather.buffer[end..])? {
            0 => break,
            count => end += count,
        }
        if end - start == stamp.size as usize {
            break;
        }
    }
    gather.waited += started.elapsed();
    let has_grown = end - start > stamp.size as usize;
    gather.buffer.truncate(end);
    let text = &gather.buffer[start..];
    let mark = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let spans = if has_grown { None } else { spans_of_document(&text[mark..], &settings.records) };
    let Some(spans) = spans else {
        gather.buffer.truncate(start);
        return Ok(false);
    };
    gather.read += (end - start) as u64;
    gather.enter(&entry.path, ITEM);
    for (number, span) in (1..).zip(spans) {
        gather.close(number, start + mark + span.start..start + mark + span.end);
    }
    Ok(true)
}

/// The first batch of one file, for a test.
pub(super) fn first_records(
    settings: &Arc<Settings>,
    path: &str,
    stamp: Stamp,
) -> Result<(Records, Vec<Failure>)> {
    let entry = Entry { path: path.to_owned(), size: stamp.size, from: None };
    let mut pull = Pull {
        settings: settings.clone(),
        files: [entry].into(),
        at: Position::default(),
        open: None,
        buffer: Vec::new(),
    };
    let batch = pull.run(&busta_core::meter::NoMeter)?;
    Ok((batch.records, batch.failures))
}
