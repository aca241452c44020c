//! The keys of `destination: { type: parquet }`.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::units::ByteSize;
use busta_parquet::{BATCH_BYTES, WriteOptions};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::columns::Layouts;
use super::partition::PartitionKey;
use crate::destinations::lake::{file_size_problem, path_problem};

/// The row groups of a file must fit into memory, and a reader skips by them.
const MAX_ROW_GROUP: u64 = 1 << 30;

/// Rows are encoded when there is so much JSON of them. Smaller row groups are of no use: they would compress badly.
const MIN_ROW_GROUP: u64 = BATCH_BYTES as u64;

/// Parquet files, in one folder per table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParquetConfig {
    /// The folder that holds the tables; it is created when it is missing. A relative path starts at
    /// the folder of the configuration file.
    pub path: PathBuf,
    /// A file is closed and the next one begun when it has about this size.
    #[serde(default = "default_file_size")]
    #[schemars(with = "ByteSize")]
    pub file_size: ByteSize,
    /// A row group is closed when it has taken this much JSON, at least 4MiB. Larger ones compress a little better
    /// and need more memory, here and in readers.
    #[serde(default = "default_row_group")]
    #[schemars(with = "ByteSize")]
    pub row_group: ByteSize,
    /// How columns are compressed: `zstd` or `zstd(LEVEL)`, with a level from 1 to 22.
    #[serde(default)]
    pub compression: Compression,
    /// When a column gets a wider type (whole numbers, then others, then text), older files that hold it are written anew
    /// with it at the end of the run, since most readers want one type for all files of a folder. Not so for `false`.
    #[serde(default = "yes")]
    pub rewrite_widened: bool,
    /// Folders below that of a table, from the outermost on, as Hive names them: `country=FR/`. A
    /// top-level field stands in the name of its folder and not in the files. In the order of the list,
    /// each is the name of a field, with dots for nested ones, or a field of time and a period.
    #[serde(default)]
    pub partition_by: Vec<PartitionKey>,
    /// What the columns are.
    #[serde(default)]
    pub layout: TableLayout,
    /// The tables that `layout: stac-geoparquet` is for; all but `collections` and `assets` if not given. Records
    /// there that are no STAC Items become failures. The other tables are laid out as `table`.
    #[serde(default)]
    pub item_tables: Option<Vec<String>>,
}

/// What the columns of a table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableLayout {
    /// One per top-level field.
    #[default]
    Table,
    /// Those of stac-geoparquet: STAC Items with geometries, times and properties that other tools read.
    StacGeoparquet,
}

/// How columns are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard, at a level from 1 to 22.
    Zstd(i32),
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(1)
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = match text.trim() {
            "zstd" => return Ok(Self::default()),
            other => other.strip_prefix("zstd(").and_then(|rest| rest.strip_suffix(')')),
        };
        let level =
            level.and_then(|level| level.trim().parse().ok()).filter(|level| (1..=22).contains(level));
        level.map(Self::Zstd).ok_or_else(|| {
            format!("`{text}` is not a compression: write zstd or zstd(LEVEL), with a level from 1 to 22")
        })
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Compression;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("zstd or zstd(LEVEL)")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Compression, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Compression {
    fn schema_name() -> Cow<'static, str> {
        "ParquetCompression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "zstd, or zstd(LEVEL) with a level from 1 to 22",
            "pattern": r"^\s*zstd\s*(\(\s*\d+\s*\))?\s*$",
        })
    }
}

const fn yes() -> bool {
    true
}

const fn default_file_size() -> ByteSize {
    ByteSize(128 << 20)
}

const fn default_row_group() -> ByteSize {
    ByteSize(32 << 20)
}

impl ParquetConfig {
    /// Reads and checks the keys.
    pub fn read(keys: Value) -> Built<Self> {
        let config: Self = read_config(keys)?;
        let mut problems: Vec<ConfigProblem> = path_problem(&config.path, "lake").into_iter().collect();
        problems.extend(file_size_problem(config.file_size, default_file_size()));
        if !(MIN_ROW_GROUP..=MAX_ROW_GROUP).contains(&config.row_group.0) {
            let message = "is out of range: expected a size from 4MiB, which is encoded at once, to 1GiB, such as 32MiB";
            problems.push(ConfigProblem::new("row_group", message));
        }
        if config.item_tables.is_some() && config.layout != TableLayout::StacGeoparquet {
            let message = "is for `layout: stac-geoparquet`, which is not set";
            problems.push(ConfigProblem::new("item_tables", message));
        }
        let keys = config.partition_by.iter().enumerate();
        problems.extend(keys.filter_map(|(at, key)| {
            let message = key.problem(&config.partition_by[..at])?;
            Some(ConfigProblem::new(&format!("partition_by.{at}"), message))
        }));
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The layout of each table.
    pub(super) fn layouts(&self) -> Layouts {
        match (self.layout, &self.item_tables) {
            (TableLayout::Table, _) => Layouts::Tables,
            (TableLayout::StacGeoparquet, None) => Layouts::Items,
            (TableLayout::StacGeoparquet, Some(tables)) => Layouts::ItemsIn(tables.clone()),
        }
    }

    pub(super) fn options(&self) -> WriteOptions {
        let Compression::Zstd(level) = self.compression;
        let mut options = WriteOptions::default();
        options.zstd_level = level;
        options.row_group_bytes = self.row_group.0 as usize;
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_path_is_needed() {
        let config = ParquetConfig::read(json!({"path": "lake"})).unwrap();
        assert_eq!(config.compression, Compression::Zstd(1));
        assert_eq!(config.file_size, ByteSize(128 << 20));
        assert!(config.partition_by.is_empty());
    }

    #[test]
    fn every_problem_is_named() {
        let keys = json!({"path": "", "file_size": 0, "row_group": "2GiB", "partition_by": ["", "a", "b.a"]});
        let problems = ParquetConfig::read(keys).unwrap_err();
        let places: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(places.join("\n"));
    }

    #[test]
    fn a_row_group_is_no_smaller_than_what_is_encoded_at_once() {
        let problems = |size: &str| ParquetConfig::read(json!({"path": "l", "row_group": size})).err();
        assert!(problems("4MiB").is_none() && problems("1GiB").is_none());
        for wrong in ["0", "64KiB", "4194303", "1025MiB"] {
            assert!(problems(wrong).unwrap()[0].message.contains("from 4MiB"), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            json!({}),
            json!({"path": "l", "pth": 1}),
            json!({"path": "l", "compression": "gzip"}),
            json!({"path": "l", "compression": "zstd(23)"}),
            json!({"path": "l", "partition_by": [{"field": "at", "by": "week"}]}),
            json!({"path": "l", "partition_by": [{"by": "day"}]}),
            json!({"path": "l", "partition_by": [3]}),
        ];
        let said: Vec<String> = wrong
            .into_iter()
            .map(|keys| ParquetConfig::read(keys).unwrap_err().iter().map(ToString::to_string).collect())
            .collect();
        insta::assert_snapshot!(said.join("\n"));
        let fine = json!({"path": "l", "compression": "zstd( 3 )"});
        assert_eq!(ParquetConfig::read(fine).unwrap().compression, Compression::Zstd(3));
    }
}
