//! The tables of a view, and what makes them follow.

use busta_core::dataset::ViewSettings;
use busta_core::reading::view::{TRENDING_HOURS, hour_of};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::super::names::quoted;

/// The catalogue of views.
pub const VIEWS: &str = "
CREATE TABLE IF NOT EXISTS _busta_views (
    table_name TEXT PRIMARY KEY COLLATE NOCASE, settings TEXT NOT NULL, next INTEGER, hours_from INTEGER NOT NULL);
";

/// Counted up whenever rows count for something else than before: views are then made anew.
const VERSION: u32 = 2;

/// Terms are counted by hour and day for so many hours: a day more than the longest window.
pub(super) const KEPT_HOURS: i64 = TRENDING_HOURS + 24;

/// A view as it stands in the database.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub table: String,
    pub settings: ViewSettings,
    /// Rows from this rowid on are not counted yet; `None` once it is built.
    pub next: Option<i64>,
    /// The hour from which on terms are counted by hour and day.
    pub hours_from: i64,
}

impl View {
    /// All views, but for those of other versions, which wait to be made anew.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        let sql = "SELECT table_name, settings, next, hours_from FROM _busta_views ORDER BY table_name";
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_map([], Self::read)?.filter_map(Result::transpose).collect()
    }

    /// The view of a table; `None` too if it is of another version.
    pub fn of(connection: &Connection, table: &str) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT table_name, settings, next, hours_from FROM _busta_views WHERE table_name = ?1";
        connection.prepare_cached(sql)?.query_row([table], Self::read).optional().map(Option::flatten)
    }

    /// Whether the table has a view of any version.
    pub fn is_of(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
        connection.prepare_cached("SELECT 1 FROM _busta_views WHERE table_name = ?1")?.exists([table])
    }

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Self>> {
        let settings: String = row.get(1)?;
        let broken = |e: serde_json::Error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, e.into())
        };
        let (version, settings): (u32, Box<RawValue>) = serde_json::from_str(&settings).map_err(broken)?;
        if version != VERSION {
            return Ok(None);
        }
        let settings = serde_json::from_str(settings.get()).map_err(broken)?;
        Ok(Some(Self { table: row.get(0)?, settings, next: row.get(2)?, hours_from: row.get(3)? }))
    }

    /// Stores how far it is.
    pub fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("UPDATE _busta_views SET next = ?2, hours_from = ?3 WHERE table_name = ?1")?
            .execute(params![self.table, self.next, self.hours_from])?;
        Ok(())
    }

    /// One of its own tables, quoted.
    pub fn side(&self, what: &str) -> String {
        side(&self.table, what)
    }
}

fn side(table: &str, what: &str) -> String {
    quoted(&format!("_busta_view_{what}_{table}"))
}

/// What a view depends on, as a text. Which view the short paths show is not among it.
fn stored(settings: &ViewSettings) -> rusqlite::Result<String> {
    let settings = ViewSettings { default: false, ..settings.clone() };
    serde_json::to_string(&(VERSION, settings)).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

/// Gives a table the view that is wanted, and takes away one that is not. A new one is to be [built].
///
/// [built]: super::build()
pub fn prepare(
    connection: &Connection,
    table: &str,
    wanted: Option<&ViewSettings>,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let sql = "SELECT settings FROM _busta_views WHERE table_name = ?1";
    let there: Option<String> =
        connection.prepare_cached(sql)?.query_row([table], |row| row.get(0)).optional()?;
    let wanted = wanted.map(|settings| stored(settings).map(|text| (settings, text))).transpose()?;
    if there.as_ref() == wanted.as_ref().map(|(_, text)| text) {
        return Ok(());
    }
    if there.is_some() {
        remove(connection, table)?;
    }
    let Some((settings, text)) = wanted else { return Ok(()) };
    connection.execute_batch(&tables(table, settings))?;
    let any = format!("SELECT 1 FROM {} LIMIT 1", quoted(table));
    let next = connection.query_row(&any, [], |_| Ok(i64::MIN)).optional()?;
    let hours_from = hour_of(now.timestamp_millis()) - KEPT_HOURS;
    connection.execute(
        "INSERT INTO _busta_views (table_name, settings, next, hours_from) VALUES (?1, ?2, ?3, ?4)",
        params![table, text, next, hours_from],
    )?;
    trigger(connection, table)
}

/// The tables of a view.
const SIDES: [&str; 8] = ["rows", "hours", "groups", "stats", "terms", "words", "journal", "changed"];
/// One that views had in an earlier version.
const FORMER: &str = "totals";

fn tables(table: &str, settings: &ViewSettings) -> String {
    let [rows, hours, groups, stats, terms, words, journal, changed] = SIDES.map(|what| side(table, what));
    let mut sql = format!(
        "CREATE TABLE {rows} (
             id INTEGER PRIMARY KEY, at INTEGER NOT NULL, grp INTEGER, label INTEGER, compound INTEGER, score REAL,
             seen_at INTEGER NOT NULL, was_at INTEGER, was_hour INTEGER, gain REAL, terms BLOB);
         CREATE TABLE {hours} (hour INTEGER PRIMARY KEY, top REAL NOT NULL, entries BLOB NOT NULL);
         CREATE TABLE {groups} (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER NOT NULL);
         INSERT INTO {groups} VALUES (0, NULL, 0);
         CREATE TABLE {stats} (
             grp INTEGER, span INTEGER, bucket INTEGER,
             n INTEGER NOT NULL, negative INTEGER NOT NULL, neutral INTEGER NOT NULL, positive INTEGER NOT NULL,
             scored INTEGER NOT NULL, compound INTEGER NOT NULL, PRIMARY KEY (grp, span, bucket)) WITHOUT ROWID;
         CREATE TABLE {terms} (id INTEGER PRIMARY KEY, term TEXT UNIQUE);
         CREATE TABLE {words} (
             id INTEGER PRIMARY KEY, span INTEGER NOT NULL, bucket INTEGER NOT NULL, grp INTEGER NOT NULL,
             terms BLOB NOT NULL, UNIQUE (span, bucket, grp));
         CREATE TABLE {journal} (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, entries BLOB NOT NULL);
         CREATE TABLE {changed} (id INTEGER PRIMARY KEY, fresh INTEGER NOT NULL);"
    );
    if settings.score.is_some() {
        let mut index = |name: &str, on: &str| {
            sql.push_str(&format!("CREATE INDEX {} ON {rows} {on} WHERE gain > 0;", side(table, name)));
        };
        index("by_rise", "(was_hour, gain, was_at)");
        if settings.group_by.is_some() {
            index("by_group_rise", "(grp, was_hour, gain, was_at)");
        }
    }
    sql
}

/// The kinds of trigger, and what each notes: a row that goes is no earlier form of one that gets its rowid.
const TRIGGERS: [(&str, &str); 3] = [
    ("INSERT", "INSERT INTO {changed} SELECT NEW._rowid_, 0 WHERE {unknown NEW};"),
    (
        "UPDATE",
        "INSERT INTO {changed} SELECT OLD._rowid_, 0 WHERE {unknown OLD};
         INSERT INTO {changed} SELECT NEW._rowid_, 0 WHERE {unknown NEW};",
    ),
    (
        "DELETE",
        "UPDATE {changed} SET fresh = 1 WHERE id = OLD._rowid_;
         INSERT INTO {changed} SELECT OLD._rowid_, 1 WHERE {unknown OLD};",
    ),
];

/// Makes the table tell of its rows, if it has a view. Called again when the table has been made anew.
///
/// `OR IGNORE` would not do here: the statement that fires a trigger may say what conflicts mean in it.
pub fn trigger(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    if !View::is_of(connection, table)? {
        return Ok(());
    }
    let changed = side(table, "changed");
    let mut sql = format!(
        "CREATE INDEX IF NOT EXISTS {} ON {} (_busta_source) WHERE 0;",
        side(table, "rowids"),
        quoted(table)
    );
    for (on, body) in TRIGGERS {
        let mut body = body.replace("{changed}", &changed);
        for row in ["NEW", "OLD"] {
            let unknown = format!("NOT EXISTS (SELECT 1 FROM {changed} WHERE id = {row}._rowid_)");
            body = body.replace(&format!("{{unknown {row}}}"), &unknown);
        }
        sql.push_str(&format!(
            "CREATE TRIGGER IF NOT EXISTS {} AFTER {on} ON {} BEGIN {body} END;",
            side(table, &on.to_ascii_lowercase()),
            quoted(table)
        ));
    }
    connection.execute_batch(&sql)
}

fn remove(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let mut sql = format!("DROP INDEX IF EXISTS {};", side(table, "rowids"));
    for (on, _) in TRIGGERS {
        sql.push_str(&format!("DROP TRIGGER IF EXISTS {};", side(table, &on.to_ascii_lowercase())));
    }
    for what in SIDES.into_iter().chain([FORMER]) {
        sql.push_str(&format!("DROP TABLE IF EXISTS {};", side(table, what)));
    }
    connection.execute_batch(&sql)?;
    connection.execute("DELETE FROM _busta_views WHERE table_name = ?1", [table])?;
    Ok(())
}
