//! The keys of `destination: { type: sqlite }`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const DEFAULT_PATH: &str = "busta.db";

/// One SQLite file with a table per stream.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SqliteConfig {
    /// The database file. It is made if it is missing; its folder must be there. Relative paths start
    /// at the folder of the configuration file.
    pub path: PathBuf,
    /// How long to wait while another program holds the database locked.
    pub busy_timeout: Span,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self { path: DEFAULT_PATH.into(), busy_timeout: Span(Duration::from_secs(5)) }
    }
}

impl SqliteConfig {
    /// Reads the keys; the path is still as it was written.
    pub fn read(keys: Value) -> Built<Self> {
        let config: Self = read_config(keys)?;
        if config.path.as_os_str().is_empty() {
            return Err(vec![ConfigProblem::new("path", "is empty, expected a file such as `busta.db`")]);
        }
        if config.path.ends_with("..") || config.path.to_string_lossy().ends_with('/') {
            let message = format!("`{}` is a folder, expected a file", config.path.display());
            return Err(vec![ConfigProblem::new("path", message)]);
        }
        Ok(config)
    }

    /// Where the database is, and whether its folder may be made: only that of the default path.
    pub(super) fn place(&self, base_dir: &Path) -> Location {
        Location {
            path: base_dir.join(&self.path),
            may_make_folder: self.path == Path::new(DEFAULT_PATH),
            busy_timeout: self.busy_timeout.0,
        }
    }
}

/// Where the database is and how to open it.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub path: PathBuf,
    pub may_make_folder: bool,
    pub busy_timeout: Duration,
}
