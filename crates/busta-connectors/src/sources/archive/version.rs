//! Which rows are there: those of one content, by one table.

use busta_core::{Error, Result};
use sha2::{Digest, Sha256};

use super::layout::Table;
use crate::download::Known;

/// Names the rows of a file, read by `table`: 16 hex digits. The same bytes have the same rows, however often they
/// were fetched and whatever vouches for them.
pub fn of(known: &Known, table: &Table) -> Result<String> {
    let written = known.sha256.is_none().then_some((known.bytes, known.mtime));
    let text = serde_json::to_vec(&(&known.sha256, written, table))
        .map_err(|error| Error::bug(format!("a table cannot be encoded: {error}")))?;
    Ok(Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
