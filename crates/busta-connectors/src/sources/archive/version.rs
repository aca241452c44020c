//! Which rows are there: those of one content, by one table.

use busta_core::{Error, Result};
use sha2::{Digest, Sha256};

use super::layout::Table;
use crate::download::Known;

/// Names the rows of a file as it is on the disk, read by `table`: 16 hex digits. A file that was fetched anew and
/// verified against the same checksum has the same rows.
pub fn of(known: &Known, table: &Table) -> Result<String> {
    let written = known.checksum.is_none().then_some(known.mtime);
    let text = serde_json::to_vec(&(known.bytes, written, &known.checksum, table))
        .map_err(|error| Error::bug(format!("a table cannot be encoded: {error}")))?;
    Ok(Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
