//! Archives: bulk repositories of files, verified and turned into records.
//!
//! # How a repository is read
//!
//! One language of patterns (`path`) serves two ways: where paths are made, of dates, symbols and intervals, and where
//! they are listed, by S3, by index pages or by a manifest, and taken apart again. A **listing** is a split that finds
//! further ones; so is each **fetch**, which asks what vouches for its file, downloads it (`crate::download`) and leaves
//! the **rows** as a split; and when these are read to their end, what is told about them is one more record. Each
//! is committed with the batch that found it, so a crash loses none of them.
//!
//! # What is not done again
//!
//! A file is known by its length, its time on the disk and what it was verified against; if a listing says the same, no
//! request is made for it. Its rows are known by that and the form of the table: what a run has fetched and not yet
//! turned into rows, the next one turns. `again` says what becomes of rows that are there when their file changes.
//!
//! # Where to look
//!
//! `config` is what the operator writes, `settings` what is made of it; `layout` and `preset` say how repositories are
//! laid out. `plan` begins, `list` looks into folders, `fetch` fetches, `convert` reads the rows with `rows`. `work` is
//! what splits carry, `wanted` says which files are, `missing` and `series` which of them are not there.

mod again;
mod check;
mod config;
mod convert;
mod fetch;
mod hash_line;
pub mod layout;
mod list;
mod listing;
mod member;
mod missing;
mod path;
mod period;
mod plan;
pub mod preset;
mod probe;
pub mod rows;
mod series;
mod settings;
mod side;
mod stretches;
mod sums;
mod version;
mod wanted;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::report::Gaps;
use busta_core::source::KeptFiles;
use busta_core::{Checkpoint, Cursor, Probe, Reader, Result, Source, Split, StreamSpec};
use serde_json::Value;

use self::config::ArchiveConfig;
use self::convert::{RowsReader, TellReader};
use self::fetch::FetchReader;
use self::list::ListReader;
use self::missing::AbsentReader;
use self::settings::Archive;
use self::work::Work;

/// `type: archive`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "archive",
    summary: "files of bulk repositories, verified and turned into records",
    pool: "archive",
    example: include_str!("example.yaml"),
    schema: |generator| generator.subschema_for::<ArchiveConfig>(),
    build,
};

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let archive = Archive::new(read_config(keys)?, &context)?;
    let rows = archive.rows.iter().flat_map(|(rows, quality)| [rows, quality]);
    let streams = archive.listings.iter().chain([&archive.files]).chain(rows).cloned().collect();
    Ok(Box::new(ArchiveSource { archive: Arc::new(archive), streams }))
}

struct ArchiveSource {
    archive: Arc<Archive>,
    streams: Vec<StreamSpec>,
}

#[async_trait]
impl Source for ArchiveSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        self.archive.remember(from);
        plan::splits(&self.archive)
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let archive = self.archive.clone();
        Ok(match split.decode()? {
            Work::List(listing) => Box::new(ListReader::new(archive, listing, at)?),
            Work::Fetch(object) => Box::new(FetchReader::new(archive, split, *object, at)?),
            Work::Rows(rows) => Box::new(RowsReader::new(archive, rows, at)?),
            Work::Quality(told) => Box::new(TellReader(Some(told))),
            Work::Absent(absent) => Box::new(AbsentReader::new(archive, absent, at)?),
        })
    }

    async fn test(&self) -> Result<Probe> {
        probe::probe(&self.archive).await
    }

    fn kept_files(&self) -> Option<KeptFiles> {
        Some(KeptFiles {
            folder: self.archive.folder.root().to_owned(),
            stream: self.archive.files.name.clone(),
        })
    }

    fn gaps(&self) -> Option<Gaps> {
        self.archive.gaps()
    }
}
