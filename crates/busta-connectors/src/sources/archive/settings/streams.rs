//! The streams of a source.

use busta_core::{StreamSpec, WriteMode};

use super::super::config::ArchiveConfig;
use super::super::layout::Table;
use crate::sources::api::problems::Problems;

/// The names of the streams that are not rows.
const LISTINGS: &str = "listings";
const FILES: &str = "files";
const QUALITY: &str = "quality";

/// The stream of listings, in which files are found. It has no records; its table has a name that is not somebody
/// else's.
pub(super) fn listings() -> StreamSpec {
    StreamSpec { table: format!("archive_{LISTINGS}"), ..StreamSpec::new(LISTINGS, Vec::new()) }
}

/// The stream of files, and those of rows and of what is told about them.
pub(super) fn streams(
    config: &ArchiveConfig,
    name: &str,
    table: Option<&Table>,
    problems: &mut Problems,
) -> (StreamSpec, Option<(StreamSpec, StreamSpec)>) {
    let mut files = StreamSpec::new(FILES, vec!["path".to_owned()]);
    files.table.clone_from(&config.files_table);
    let Some(table) = table else { return (files, None) };
    if [LISTINGS, FILES, QUALITY].contains(&name) {
        problems.add("data_type", format!("cannot be called `{name}`, which is a stream of its own"));
    }
    let mut rows = StreamSpec::new(name, table.primary_key.clone());
    rows.parent = Some(files.name.clone());
    if let Some(table) = &config.table {
        rows.table.clone_from(table);
    }
    match config.write_mode {
        Some(WriteMode::Merge) if rows.primary_key.is_empty() => {
            problems.add("write_mode", "cannot be `merge`: the table has no primary key");
        }
        Some(WriteMode::Replace) => {
            problems.add("write_mode", "cannot be `replace`: files that have not changed are not read again");
        }
        Some(mode) => rows.write_mode = mode,
        None => {}
    }
    let mut quality = StreamSpec::new(QUALITY, vec!["path".to_owned()]);
    quality.table.clone_from(&config.quality_table);
    quality.parent = Some(rows.name.clone());
    let tables = [&files.table, &rows.table, &quality.table];
    if tables[0] == tables[1] || tables[1] == tables[2] || tables[0] == tables[2] {
        problems.add("table", "is that of other records: rows, files and quality need a table each");
    }
    (files, Some((rows, quality)))
}

/// Whether rows may join a table in which older ones of their file are.
pub(super) fn replaces(config: &ArchiveConfig, table: Option<&Table>) -> bool {
    let has_key = table.is_none_or(|table| !table.primary_key.is_empty());
    has_key || config.write_mode == Some(WriteMode::Append)
}
