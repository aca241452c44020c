//! A file that is being read: text that is cut into records, a table that is decoded, or an archive of texts.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use busta_core::Result;

use super::archive::ArchiveFile;
use super::config::Settings;
use super::gather::Gather;
use super::list::Stamp;
use super::open::{OpenFile, Progress};
use super::plan::{Inside, Start};
#[cfg(feature = "parquet")]
use super::table::TableFile;
use crate::formats::compression::Compression;
use crate::formats::detect::{Format, PARQUET_MAGIC};
use crate::formats::unreadable;
use crate::formats::zip::is_zip;

/// What a file has given so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    /// A record.
    pub records: bool,
    /// Something that is no record.
    pub failures: bool,
}

impl Given {
    /// What it had given before this place.
    pub fn before(from: Option<Inside>) -> Self {
        Self { records: from.is_some(), failures: false }
    }

    /// Adds what a part of it has given.
    pub fn add(&mut self, part: Self) {
        self.records |= part.records;
        self.failures |= part.failures;
    }
}

/// An open file of any kind.
pub(super) enum Opened {
    /// JSON, NDJSON or CSV.
    Text(Box<OpenFile>),
    /// A zip archive of such files.
    Archive(Box<ArchiveFile>),
    /// Parquet.
    #[cfg(feature = "parquet")]
    Table(Box<TableFile>),
}

impl Opened {
    /// Starts to read `file` at its start, or goes on at `from`. `buffer` is memory to use.
    pub fn new(
        settings: &Arc<Settings>,
        path: &str,
        (mut file, stamp): (File, Stamp),
        from: Option<Inside>,
        buffer: Vec<u8>,
    ) -> Result<Self> {
        let head = head_of(&mut file).map_err(|error| unreadable(&error))?;
        if is_zip(&head) && settings.compression.is_none() {
            let archive = ArchiveFile::new(settings, path, (file, stamp), from, buffer)?;
            return Ok(Self::Archive(Box::new(archive)));
        }
        if is_table(settings, path, &head) {
            #[cfg(feature = "parquet")]
            return Ok(Self::Table(Box::new(TableFile::new(path, (file, stamp), from)?)));
            #[cfg(not(feature = "parquet"))]
            return Err(crate::formats::detect::without_parquet());
        }
        OpenFile::new(settings, path, (file, stamp), from, buffer).map(|open| Self::Text(Box::new(open)))
    }

    /// Reads until the end of the file or of the room in `gather`. An error is one of the file as a
    /// whole; what came before it is in `gather`.
    pub fn read(&mut self, gather: &mut Gather) -> Result<Progress> {
        match self {
            Self::Text(open) => open.read(gather),
            Self::Archive(open) => open.read(gather),
            #[cfg(feature = "parquet")]
            Self::Table(open) => open.read(gather),
        }
    }

    /// The place after the last record; none if there is no record yet.
    pub fn last_place(&self) -> Option<Inside> {
        match self {
            Self::Text(open) => open.last_place(),
            Self::Archive(open) => open.last_place(),
            #[cfg(feature = "parquet")]
            Self::Table(open) => open.last_place(),
        }
    }

    /// What it has given so far.
    pub fn given(&self) -> Given {
        self.known().0
    }

    /// The start cursor that the file leaves at its end: none if it gave only failures, so that it
    /// is tried again.
    pub fn start_at_end(&self) -> Option<Start> {
        let (given, stamp) = self.known();
        (given.records || !given.failures).then_some(Start { stamp, from: None })
    }

    fn known(&self) -> (Given, Stamp) {
        match self {
            Self::Text(open) => (open.given, open.stamp),
            Self::Archive(open) => (open.given, open.stamp),
            #[cfg(feature = "parquet")]
            Self::Table(open) => (open.given, open.stamp),
        }
    }

    /// The memory, for the next file, and what was read since the last time.
    pub fn close(self) -> (Vec<u8>, u64) {
        match self {
            Self::Text(open) => open.close(),
            Self::Archive(open) => open.close(),
            #[cfg(feature = "parquet")]
            Self::Table(_) => Default::default(),
        }
    }
}

/// Whether this is Parquet: by what the configuration says, else by the first bytes, unless the name
/// says that it is text.
pub(super) fn is_table(settings: &Settings, path: &str, head: &[u8]) -> bool {
    if let Some(format) = settings.format {
        return format == Format::Parquet;
    }
    let is_plain = matches!(settings.compression, None | Some(Compression::None));
    is_plain
        && matches!(Format::of_name(Path::new(path)), None | Some(Format::Parquet))
        && head == PARQUET_MAGIC
}

/// The first four bytes of a file, which is then at its start again.
fn head_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}
