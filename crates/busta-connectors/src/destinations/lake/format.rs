//! What kinds of lake differ in: the files that their tables are made of.
//!
//! Everything else is shared. Rows wait in staging as lines or as columns: that is the log from which complete
//! files are made.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use busta_core::{Records, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::block::Block;
use super::points::Points;

/// How the rows of a segment lie in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::destinations) enum Form {
    /// One JSON object per line.
    #[default]
    Lines,
    /// The same in frames of zstd, each with whole lines.
    Zstd,
    /// Blocks of columns.
    Columns,
    /// A Parquet file.
    Parquet,
}

impl Form {
    /// What the names of such files end with.
    pub(in crate::destinations) fn extension(self) -> &'static str {
        match self {
            Self::Lines => ".ndjson",
            Self::Zstd => ".ndjson.zst",
            Self::Columns => ".columns",
            Self::Parquet => ".parquet",
        }
    }
}

/// A kind of lake.
pub(in crate::destinations) trait Format: fmt::Debug + Send + Sync {
    /// The value of `type:`.
    fn name(&self) -> &'static str;

    /// The places where a test can kill the process.
    fn points(&self) -> &'static Points;

    /// How rows are appended in staging that come as texts: lines, compressed or not.
    fn log(&self) -> Form;

    /// Whether rows of a table that come as columns are appended as such. All of them are then admitted.
    fn takes_columns(&self, _table: &str) -> bool {
        false
    }

    /// How rows lie in complete files. If that is as in the log, complete segments are moved as they are.
    fn file(&self) -> Form;

    /// Whether a segment that has `bytes` in its log, of which complete files of `encoded` bytes were made
    /// so far (if that is done ahead), is to be closed.
    fn is_full(&self, bytes: u64, encoded: Option<u64>) -> bool;

    /// Whether files of a table can hold a record, which is a JSON object; else why not. It becomes a
    /// failure then.
    fn admit(&self, _table: &str, _record: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Begins to make complete files of rows of a table, whose shape was remembered from earlier
    /// ones, at the places that `paths` gives.
    fn begin(&self, table: &str, remembered: Option<&Value>, paths: Paths) -> Result<Box<dyn FileMaker>>;

    /// What is to be remembered of a table of which `known` was, and now `found` is to be.
    fn join(&self, known: &Value, found: &Value) -> Result<Value>;

    /// What a complete file says of its own rows, as [`join`](Self::join) takes it; `None` if it says nothing, or if
    /// nobody minds what types its columns have.
    fn remembers(&self, _file: File, _path: &Path) -> Result<Option<Value>> {
        Ok(None)
    }

    /// The columns that have another type in files of which `found` is remembered than in those of which `known` is.
    fn narrower(&self, _found: &Value, _known: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Reads the rows of a complete file that is not in the form of the log.
    fn read(&self, file: File, path: &Path) -> Result<Pages>;
}

/// The rows of a file, page by page.
pub(in crate::destinations) type Pages = Box<dyn Iterator<Item = Result<Records>> + Send>;

/// Makes complete files of rows.
pub(in crate::destinations) trait FileMaker: Send {
    /// Takes rows in. `false`: they have columns or types that no file begun so far has room for. Then
    /// nothing was taken, the files so far are worthless, and all rows must be pushed again from the
    /// first one; that works better once the rest has been [learned](Self::learn).
    fn push(&mut self, rows: &Records) -> Result<bool>;

    /// Takes in the rows of a block if they fit as they are; else `false`, and nothing.
    fn push_block(&mut self, _block: &Block) -> Result<bool> {
        Ok(false)
    }

    /// Learns what columns rows have that will be pushed.
    fn learn(&mut self, rows: &Records);

    /// Bytes of files so far.
    fn written(&self) -> u64;

    /// Completes the files and makes them durable.
    fn finish(self: Box<Self>) -> Result<Made>;
}

/// Complete files.
#[derive(Debug, Default)]
pub(in crate::destinations) struct Made {
    /// The files. One that got no rows is not among them.
    pub(in crate::destinations) files: Vec<MadeFile>,
    /// To which of the files the rows went, in the order in which they were pushed, and how many in a
    /// row. It may be empty if there is one file only.
    pub(in crate::destinations) places: Vec<(usize, u64)>,
    /// What is to be remembered of the table.
    pub(in crate::destinations) remember: Option<Value>,
}

impl Made {
    /// The rows of all files.
    pub(super) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Removes files that nobody needs. What stays is swept when the folder is opened.
    pub(super) fn discard(self) {
        for file in self.files {
            let _ = std::fs::remove_file(file.path);
        }
    }
}

/// A complete file.
#[derive(Debug)]
pub(in crate::destinations) struct MadeFile {
    pub(in crate::destinations) path: PathBuf,
    /// The folder below its table's where it belongs: `day=2024-01-01`; empty for the table's own.
    pub(in crate::destinations) folder: String,
    /// Fields that all its rows have, as JSON, which stand in the names of its folders and not in it.
    pub(in crate::destinations) fixed: Vec<(String, String)>,
    pub(in crate::destinations) rows: u64,
    pub(in crate::destinations) bytes: u64,
}

/// Gives the paths of the files that are made of one segment.
#[derive(Clone, Debug)]
pub(in crate::destinations) struct Paths {
    folder: PathBuf,
    name: String,
    next: u32,
}

impl Paths {
    pub(super) fn new(folder: PathBuf, name: impl fmt::Display) -> Self {
        Self { folder, name: name.to_string(), next: 0 }
    }

    /// The next path; never the same twice.
    pub(in crate::destinations) fn next(&mut self) -> PathBuf {
        self.next += 1;
        self.folder.join(format!("{}-{}", self.name, self.next))
    }
}
