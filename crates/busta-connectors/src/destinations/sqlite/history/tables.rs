//! The tables of logs, and switching a log on and off.

use busta_core::DatasetSettings;
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::super::names::{OWN_PREFIX, quoted};
use super::super::schema::{Catalogue, Table};

/// What all logs share. Made with the first of them.
const SHARED: &str = "
CREATE TABLE IF NOT EXISTS _busta_logs (
    table_name TEXT PRIMARY KEY COLLATE NOCASE, seq INTEGER NOT NULL, count INTEGER NOT NULL,
    base INTEGER NOT NULL, since TEXT NOT NULL, at TEXT NOT NULL, active INTEGER NOT NULL,
    ignored TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_episodes (
    id INTEGER PRIMARY KEY, table_name TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, at TEXT NOT NULL,
    run TEXT, source TEXT, who TEXT, action TEXT, keys TEXT, undoes INTEGER, undone_by INTEGER,
    inserted INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0,
    first_seq INTEGER, seq INTEGER NOT NULL, count INTEGER NOT NULL,
    ended TEXT, ended_seq INTEGER, ended_count INTEGER, status TEXT);
CREATE INDEX IF NOT EXISTS _busta_episodes_of ON _busta_episodes (table_name, id);
CREATE UNIQUE INDEX IF NOT EXISTS _busta_episodes_by_run ON _busta_episodes (table_name, run, source)
    WHERE run IS NOT NULL;
CREATE TABLE IF NOT EXISTS _busta_removed (
    table_name TEXT NOT NULL COLLATE NOCASE, source TEXT NOT NULL, key NOT NULL,
    PRIMARY KEY (table_name, source, key)) WITHOUT ROWID;
";

/// What these tables did not have in earlier versions.
const LATER: [(&str, &str, &str); 2] =
    [("_busta_logs", "ignored", "TEXT NOT NULL DEFAULT '[]'"), ("_busta_episodes", "status", "TEXT")];

const PREFIX: &str = "log_";

/// Gives the tables of an earlier version the columns that they lack.
pub(in super::super) fn renew(connection: &Connection) -> rusqlite::Result<()> {
    for (table, column, definition) in LATER {
        // Two processes may get here at once: the second one finds it done.
        let sql = "SELECT (SELECT count(*) FROM pragma_table_info(?1)) > 0
            AND NOT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
        let lacks = || connection.query_row(sql, [table, column], |row| row.get::<_, bool>(0));
        if lacks()? {
            let renewal = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            if lacks()? {
                renewal.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {definition}"))?;
            }
            renewal.commit()?;
        }
    }
    Ok(())
}

/// The table with the entries of a table's log.
pub(in super::super) fn log_name(table: &str) -> String {
    format!("{OWN_PREFIX}{PREFIX}{table}")
}

/// The tables that have a log.
pub(in super::super) fn logged(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let prefix = log_name("");
    let sql =
        "SELECT substr(name, length(?1) + 1) FROM sqlite_schema WHERE type = 'table' AND name GLOB ?1 || '*'";
    connection.prepare_cached(sql)?.query_map([prefix], |row| row.get(0))?.collect()
}

/// A time as the log has it: of one width, so that texts compare as times.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A number of ours, of which none is negative.
pub(super) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(|number| number as u64)
}

/// How a log stands.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The last entry.
    pub seq: i64,
    /// How many rows with a key there are.
    pub count: i64,
    /// The rows are known at this place and all after it: entries up to it may be gone.
    pub base: i64,
    /// The time of `base`.
    pub since: String,
    /// The time of the last entry.
    pub at: String,
    /// Whether changes are logged now.
    pub active: bool,
    /// The fields whose changes do not count.
    pub ignored: Vec<String>,
}

impl State {
    /// The state of a table's log; `None` if there has never been one.
    pub fn of(connection: &Connection, table: &Table) -> rusqlite::Result<Option<Self>> {
        if !table.logged {
            return Ok(None);
        }
        connection
            .prepare_cached(
                "SELECT seq, count, base, since, at, active, ignored FROM _busta_logs WHERE table_name = ?1",
            )?
            .query_row([&table.name], |row| {
                Ok(Self {
                    seq: row.get(0)?,
                    count: row.get(1)?,
                    base: row.get(2)?,
                    since: row.get(3)?,
                    at: row.get(4)?,
                    active: row.get(5)?,
                    ignored: serde_json::from_str(&row.get::<_, String>(6)?).unwrap_or_default(),
                })
            })
            .optional()
    }

    /// Stores it.
    pub fn save(&self, connection: &Connection, table: &str) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT OR REPLACE INTO _busta_logs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                table,
                self.seq,
                self.count,
                self.base,
                self.since,
                self.at,
                self.active,
                serde_json::Value::from(self.ignored.clone()).to_string()
            ])?;
        Ok(())
    }
}

/// Switches the log of a table on or off, as its stream wants it.
///
/// The rows that are there when it is switched on need not be copied: they are what is left when all that
/// was logged since is taken back.
pub(in super::super) fn settle(
    connection: &Connection,
    catalogue: &mut Catalogue,
    name: &str,
    wanted: &DatasetSettings,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let Some(table) = catalogue.table(name) else { return Ok(()) };
    let state = State::of(connection, table)?;
    let (wanted, ignored) = (wanted.logs_changes(), wanted.ignore_changes.clone());
    match state {
        Some(state) if state.active == wanted && state.ignored == ignored => Ok(()),
        Some(state) if state.active == wanted => State { ignored, ..state }.save(connection, &table.name),
        Some(state) if !wanted => State { active: false, ..state }.save(connection, &table.name),
        None if !wanted => Ok(()),
        state => {
            let name = table.name.clone();
            if state.is_none() {
                connection.execute_batch(SHARED)?;
                create(connection, &name)?;
            }
            let seq = state.as_ref().map_or(0, |state| state.seq);
            let last = state.map(|state| state.at).unwrap_or_default();
            let since = stamp(now).max(last);
            let count = keyed_rows(connection, &name)?;
            let state =
                State { seq, count, base: seq, since: since.clone(), at: since, active: true, ignored };
            state.save(connection, &name)?;
            catalogue.now_logged(&name);
            Ok(())
        }
    }
}

/// `held` says that a row of this key was kept away when the entry was written: somebody had removed it.
fn create(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let log = quoted(&log_name(table));
    connection.execute_batch(&format!(
        "CREATE TABLE {log} (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, episode INTEGER NOT NULL,
             source TEXT NOT NULL, key NOT NULL, before TEXT, after TEXT, count INTEGER NOT NULL, held INTEGER);
         CREATE INDEX {} ON {log} (source, key)",
        quoted(&format!("{OWN_PREFIX}logkey_{table}"))
    ))
}

fn keyed_rows(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    let sql = format!("SELECT count(*) FROM {} WHERE _busta_key IS NOT NULL", quoted(table));
    connection.query_row(&sql, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_an_earlier_version_get_what_they_lack() {
        let connection = Connection::open_in_memory().unwrap();
        renew(&connection).unwrap();
        assert!(!connection.table_exists(None, "_busta_logs").unwrap());
        let earlier = SHARED
            .replace("active INTEGER NOT NULL,\n    ignored TEXT NOT NULL)", "active INTEGER NOT NULL)")
            .replace(", status TEXT)", ")");
        connection.execute_batch(&earlier).unwrap();
        connection.execute("INSERT INTO _busta_logs VALUES ('t', 3, 2, 0, '', '', 1)", []).unwrap();
        renew(&connection).unwrap();
        renew(&connection).unwrap();
        let ignored: String =
            connection.query_row("SELECT ignored FROM _busta_logs", [], |row| row.get(0)).unwrap();
        assert_eq!(ignored, "[]");
        connection.prepare("SELECT status FROM _busta_episodes").unwrap();
    }
}
