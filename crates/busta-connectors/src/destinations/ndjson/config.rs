//! The keys of `destination: { type: ndjson }`.

use std::path::PathBuf;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::units::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::destinations::lake::{file_size_problem, path_problem};

/// Files of one JSON object per line, in one folder per table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NdjsonConfig {
    /// The folder that holds the tables; it is created when it is missing. A relative path starts at
    /// the folder of the configuration file.
    pub path: PathBuf,
    /// How the files are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// A file is closed and the next one begun when it has reached this size, as it lies on the disk.
    #[serde(default = "default_file_size")]
    #[schemars(with = "ByteSize")]
    pub file_size: ByteSize,
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: `*.ndjson`.
    #[default]
    None,
    /// Zstandard: `*.ndjson.zst`, one frame per batch.
    Zstd,
}

const fn default_file_size() -> ByteSize {
    ByteSize(64 << 20)
}

impl NdjsonConfig {
    /// Reads and checks the keys.
    pub fn read(keys: Value) -> Built<Self> {
        let config: Self = read_config(keys)?;
        let path = path_problem(&config.path, "lake");
        let file_size = file_size_problem(config.file_size, default_file_size());
        let problems: Vec<ConfigProblem> = path.into_iter().chain(file_size).collect();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_path_is_needed() {
        let config = NdjsonConfig::read(json!({"path": "lake"})).unwrap();
        assert_eq!(config.compression, Compression::None);
        assert_eq!(config.file_size, ByteSize(64 << 20));
    }

    #[test]
    fn every_problem_is_named() {
        let problems = NdjsonConfig::read(json!({"path": "", "file_size": 0})).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        for wrong in [json!({}), json!({"path": "l", "compression": "gzip"}), json!({"path": "l", "pth": 1})]
        {
            assert!(NdjsonConfig::read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
