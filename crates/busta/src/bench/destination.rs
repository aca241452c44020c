//! Where the records of a bench land.

use clap::ValueEnum;
use serde_json::{Value, json};

/// A type of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// One SQLite file
    Sqlite,
    /// Files of JSON lines
    Ndjson,
    /// Parquet files
    Parquet,
}

impl To {
    /// Its section of the configuration.
    pub fn configuration(self) -> Value {
        match self {
            Self::Sqlite => json!({ "type": "sqlite", "path": "out.db" }),
            Self::Ndjson => json!({ "type": "ndjson", "path": "out" }),
            Self::Parquet => json!({ "type": "parquet", "path": "out" }),
        }
    }

    /// The type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}
