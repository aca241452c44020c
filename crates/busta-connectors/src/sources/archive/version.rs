//! Which rows are there: those of one content, by one table.

use busta_core::{Cursor, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::again::UNFINISHED;
use super::layout::Table;
use super::work::Told;
use crate::digest;
use crate::download::Known;

/// Names the rows of a file, read by `table`: 16 hex digits. The same bytes have the same rows, however often they
/// were fetched and whatever vouches for them.
pub fn of(known: &Known, table: &Table) -> Result<String> {
    let written = known.sha256.is_none().then_some((known.bytes, known.mtime));
    let text = serde_json::to_vec(&(&known.sha256, written, table))
        .map_err(|error| Error::bug(format!("a table cannot be encoded: {error}")))?;
    Ok(digest::first(8, text))
}

/// What stands before the path in the start cursor of a file's rows.
pub const ROWS: &str = "rows:";

/// Which rows of a file are there: the start cursor under [`RowsThere::start`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsThere {
    /// Those of this content and table: see [`super::version`].
    pub version: String,
    /// What has not been told about them yet. If a run dies before it is, the next one tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<Map<String, Value>>,
    /// Why there are no more of them: the file is what its origin vouches for, and cannot be read to its end. It is not
    /// read again until it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// How many rows there are, if that is known: older versions of busta did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The content and table that those rows are of, if they could not be replaced by those of `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
}

impl RowsThere {
    /// Some rows, and nobody knows yet whether all.
    pub fn unfinished() -> Self {
        Self { version: UNFINISHED.to_owned(), untold: None, broken: None, rows: None, stored: None }
    }

    /// The same, as if later content had never been refused.
    #[must_use]
    pub fn unrefused(self) -> Self {
        match self.stored {
            Some(version) => Self { version, stored: None, broken: None, ..self },
            None => self,
        }
    }

    /// The start cursor for the rows of the file at `path`.
    pub fn start(&self, path: &str) -> Result<(String, Cursor)> {
        Ok((format!("{ROWS}{path}"), Cursor::encode(self)?))
    }
}

impl Told {
    /// That all rows it tells about are there, and what of it has not been told yet.
    pub fn there(&self, untold: Option<Map<String, Value>>) -> RowsThere {
        let rows = self.record.get("rows").and_then(Value::as_u64);
        RowsThere { version: self.version.clone(), untold, broken: None, rows, stored: None }
    }
}
