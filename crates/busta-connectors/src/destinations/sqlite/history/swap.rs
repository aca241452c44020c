//! The log of a `replace`: what is different between the old rows of a source and those that take their place.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::insert::any;
use super::super::names::quoted;
use super::super::schema::{Column, Table};
use super::image;
use super::log::{By, Log};

/// Records what the waiting rows of `source` change, before they take the place of its old ones. Rows that
/// somebody removed by hand are taken out of them.
pub(in super::super) fn log_swap(
    connection: &Connection,
    table: &Table,
    run: &str,
    source: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    if !table.keyed {
        return Ok(());
    }
    let Some(mut log) = Log::open(connection, table, By::Run { run, source }, now)? else { return Ok(()) };
    let (name, shadow) = (quoted(&table.name), quoted(&table.shadow_name()));
    let held = format!(
        "DELETE FROM {shadow} WHERE _busta_source = ?1 AND _busta_key IS NOT NULL AND EXISTS
         (SELECT 1 FROM _busta_removed AS r WHERE r.table_name = ?2 AND r.source = ?1 AND r.key = _busta_key)"
    );
    connection.execute(&held, params![source, table.name])?;
    let gone = format!(
        "SELECT _rowid_, NULL FROM {name} AS old WHERE _busta_source = ?1 AND _busta_key IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM {shadow} AS new WHERE new._busta_source = ?1 AND new._busta_key = old._busta_key)"
    );
    record(&mut log, &gone, source)?;
    let come = format!(
        "SELECT old._rowid_, new._rowid_ FROM {shadow} AS new LEFT JOIN {name} AS old
         ON old._busta_source = ?1 AND old._busta_key = new._busta_key
         WHERE new._busta_source = ?1 AND new._busta_key IS NOT NULL AND (old._rowid_ IS NULL OR {})
         ORDER BY new._rowid_",
        differ(table, log.ignored())
    );
    record(&mut log, &come, source)?;
    log.close()
}

/// Whether the old and the new row differ in a field that counts.
fn differ(table: &Table, ignored: &[String]) -> String {
    let counts = |column: &&Column| !ignored.contains(&column.field);
    let fields = table.columns.iter().filter(counts).map(|column| quoted(&column.name));
    let rest = table.rest.then(|| "_busta_rest".to_owned());
    let each: Vec<String> = fields.chain(rest).map(|name| format!("old.{name} IS NOT new.{name}")).collect();
    any(&each)
}

/// Records the pairs of rowids, of an old row and a new one, that a query gives.
fn record(log: &mut Log<'_>, pairs: &str, source: &str) -> rusqlite::Result<()> {
    let (connection, table) = (log.connection(), log.table());
    let columns = table.all_columns().join(", ");
    let read = |name: &str| {
        let sql = format!("SELECT _rowid_, {columns} FROM {} WHERE _rowid_ = ?1", quoted(name));
        connection.prepare_cached(&sql)
    };
    let (mut old, mut new) = (read(&table.name)?, read(&table.shadow_name())?);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut statement = connection.prepare(pairs)?;
    let mut found = statement.query([source])?;
    while let Some(pair) = found.next()? {
        let [was, is]: [Option<i64>; 2] = [pair.get(0)?, pair.get(1)?];
        before.clear();
        after.clear();
        let mut key = rusqlite::types::Value::Null;
        for (rowid, statement, image) in [(was, &mut old, &mut before), (is, &mut new, &mut after)] {
            let Some(rowid) = rowid else { continue };
            let read = statement.query_row([rowid], |row| {
                key = super::keys::owned(row.get_ref(log.key_column())?);
                image::write(table, row, image)
            });
            read.optional()?;
        }
        let (before, after) = (was.map(|_| before.as_slice()), is.map(|_| after.as_slice()));
        log.record(source, (&key).into(), before, after, false)?;
    }
    Ok(())
}
