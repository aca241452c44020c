//! `replace`: rows wait in a shadow table until their run is complete.

use busta_core::{RunId, SourceName, StreamName};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::history;
use super::names::quoted;
use super::schema::{Catalogue, Table};

/// Sweeps what other runs of `source` have left in shadow tables.
pub(super) fn sweep(
    connection: &Connection,
    catalogue: &Catalogue,
    run: &RunId,
    source: &SourceName,
) -> rusqlite::Result<()> {
    for table in catalogue.tables().into_iter().filter(|table| table.shadow) {
        let sql = format!(
            "DELETE FROM {} WHERE _busta_source = ?1 AND _busta_run <> ?2",
            quoted(&table.shadow_name())
        );
        connection.execute(&sql, [source.as_str(), run.as_str()])?;
    }
    Ok(())
}

/// Puts the waiting rows of `source` in the place of its old ones. Once per run: until rows of this
/// run come in again, repeating it would replace the new rows by nothing.
pub(super) fn swap(
    connection: &Connection,
    table: &Table,
    run: &RunId,
    source: &SourceName,
    stream: &StreamName,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let (run, source, stream) = (run.as_str(), source.as_str(), stream.as_str());
    let finished: Option<String> = connection
        .query_row(
            "SELECT run FROM _busta_finished WHERE source = ?1 AND stream = ?2",
            [source, stream],
            |row| row.get(0),
        )
        .optional()?;
    if finished.as_deref() == Some(run) {
        return Ok(());
    }
    let (name, shadow) = (quoted(&table.name), quoted(&table.shadow_name()));
    let columns = table.all_columns().join(", ");
    history::log_swap(connection, table, run, source, now)?;
    connection.execute(&format!("DELETE FROM {name} WHERE _busta_source = ?1"), [source])?;
    // `FAIL`, since the whole transaction is rolled back anyway: otherwise sqlite would keep a journal of the statement,
    // as large as the rows, in memory.
    let copy = format!(
        "INSERT OR FAIL INTO {name} ({columns}) SELECT {columns} FROM {shadow} WHERE _busta_source = ?1 ORDER BY _rowid_"
    );
    connection.execute(&copy, [source])?;
    connection.execute(&format!("DELETE FROM {shadow} WHERE _busta_source = ?1"), [source])?;
    Ok(())
}

/// Rows of a stream are waiting again.
pub(super) fn reopen(
    connection: &Connection,
    source: &SourceName,
    stream: &StreamName,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM _busta_finished WHERE source = ?1 AND stream = ?2")?
        .execute([source.as_str(), stream.as_str()])?;
    Ok(())
}
