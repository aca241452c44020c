//! Files on this machine: globs and folders of JSON, NDJSON and CSV, compressed or not, in zip archives too,
//! and Parquet.
//!
//! # Splits
//!
//! Small files are read in groups, since a file of a few KiB costs less than the bookkeeping of a
//! split; a large file is a split of its own and is read in bounded memory, whatever its size. Each
//! pull reads up to 64 files, or a few MiB, in one piece of work on a blocking thread.
//!
//! # What is read only once
//!
//! Each file that gave its records leaves a **start cursor** under `file:<path>` with its size and
//! mtime, taken before its first byte is read and committed with its last records. Planning leaves
//! out files that still look like that. So a file that changes while it is read, or later, is read
//! again by the next run; an unchanged one never is. A file that gave nothing but failures leaves no
//! start cursor: it is tried again by every run until it, or the configuration, is mended.
//!
//! A file that is committed in several batches leaves a start cursor with the place reached after
//! each; the next run, resumed or new, goes on at that place.
//!
//! # Why a crash loses and repeats nothing
//!
//! A crash leaves some files of a group committed. Planning again leaves those out and groups what
//! remains, so the new group has other files than the old one. Were groups known by their first
//! file, a group whose first file failed could be taken for the old, finished one, and what it
//! holds now would be lost. So the id of a group is a digest of **all** its paths: a position
//! stored for an id always means exactly these files. A group of other files has another id, no
//! position, and starts at its first file, all of which are uncommitted, or go on inside at the
//! place of their own start cursor. A file that failed in this run is in such a new group again and
//! is tried once more when the run is resumed.
//!
//! In `replace` mode every run needs every file, so start cursors are neither left nor looked at,
//! and only the position of a split says what this run has read. There every file is a split of its
//! own, whose id is its path: files that come or go between a crash and its resume change nothing
//! for the others.
//!
//! # Files that change halfway
//!
//! If a file differs from what it was when its first part was committed, there is no place to go on
//! at. With a primary key it is read from the start, since the records replace their older selves.
//! Without one that would store its first part twice in one run, so it becomes a failure that says
//! so, and the next run reads the file as the new one it is.

mod archive;
mod config;
mod gather;
mod list;
mod open;
mod opened;
mod pattern;
mod plan;
mod probe;
mod reader;
#[cfg(feature = "parquet")]
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext};
use busta_core::meter::Meter;
use busta_core::source::{Probe, Reader, Source};
use busta_core::{Checkpoint, Cursor, Result, Split, StreamSpec};
use serde_json::Value;

use self::config::{FilesConfig, Settings};
use self::list::Listing;
use self::pattern::Pattern;
use crate::blocking::trying;

/// The connector.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "files",
    summary: "files and folders: JSON, NDJSON, CSV, Parquet, GeoJSON and STAC collections, also gzip, zstd and zip",
    pool: "files",
    example: "\
name: drops
type: files
paths: [\"incoming/**/*.json\", exports/daily.csv.gz]
exclude: [\"*_draft.json\"]
primary_key: id
",
    schema: |generator| generator.subschema_for::<FilesConfig>(),
    build,
};

/// The file or folder that an entry of `paths` names, or the deepest folder that it names without wildcards.
pub(super) fn root(path: &str) -> Option<PathBuf> {
    Some(Pattern::new(path).ok()?.root)
}

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let settings = Settings::read(keys, &context)?;
    let streams = [settings.stream.clone()];
    Ok(Box::new(Files { settings: Arc::new(settings), streams, meter: context.meter }))
}

/// A `type: files` source.
struct Files {
    settings: Arc<Settings>,
    streams: [StreamSpec; 1],
    meter: Arc<dyn Meter>,
}

#[async_trait]
impl Source for Files {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        let settings = self.settings.clone();
        let starts = from.starts.clone();
        trying(move || plan::splits(&settings, Listing::new(&settings), &starts)).await
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(reader::FilesReader::new(self.settings.clone(), self.meter.clone(), split, at)?))
    }

    async fn test(&self) -> Result<Probe> {
        let settings = self.settings.clone();
        trying(move || probe::probe(&settings)).await
    }
}
