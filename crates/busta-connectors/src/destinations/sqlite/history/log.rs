//! Writing the log: inside of the transaction that writes the rows.

use std::collections::VecDeque;

use busta_core::reading::history::{EditAction, EpisodeKind};
use busta_core::{Committed, Finish};
use chrono::{DateTime, Utc};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Statement, params};

use super::super::names::{SYSTEM, quoted};
use super::super::schema::Table;
use super::image;
use super::images::Incoming;
use super::tables::{State, log_name, stamp};

/// So many keys of an edit are kept with it, for lists.
const KEYS: usize = 20;

/// Who changes rows.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum By<'a> {
    /// A source's part of a run.
    Run { run: &'a str, source: &'a str },
    /// Somebody, by hand.
    Edit { who: &'a str, action: EditAction, undoes: Option<u64> },
    /// Retention.
    Retention { source: &'a str },
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Tally {
    pub inserted: u64,
    pub updated: u64,
    pub removed: u64,
}

impl Tally {
    /// What was committed of a batch since there was `before`.
    pub fn since(self, before: Self, rows: u64) -> Committed {
        let (inserted, updated) = (self.inserted - before.inserted, self.updated - before.updated);
        let deduped = rows.saturating_sub(inserted + updated);
        Committed { inserted, updated, deduped, ..Committed::default() }
    }
}

/// An open log of one table: what is recorded holds once it is [closed](Self::close).
pub(in super::super) struct Log<'a> {
    connection: &'a Connection,
    table: &'a Table,
    by: By<'a>,
    at: String,
    state: State,
    tally: Tally,
    episode: Option<i64>,
    first: Option<i64>,
    keys: VecDeque<String>,
    find: CachedStatement<'a>,
    put: CachedStatement<'a>,
    /// Whether there may be keys that somebody removed by hand.
    holds: bool,
    /// The row before, used again for each.
    before: Vec<u8>,
}

impl<'a> Log<'a> {
    /// The log of a table; `None` if its changes are not logged.
    pub fn open(
        connection: &'a Connection,
        table: &'a Table,
        by: By<'a>,
        now: DateTime<Utc>,
    ) -> rusqlite::Result<Option<Self>> {
        let Some(state) = State::of(connection, table)?.filter(|state| state.active) else { return Ok(None) };
        let find = format!(
            "SELECT _rowid_, {} FROM {} WHERE _busta_source = ?1 AND _busta_key = ?2",
            table.all_columns().join(", "),
            quoted(&table.name)
        );
        let put = format!(
            "INSERT INTO {} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            quoted(&log_name(&table.name))
        );
        Ok(Some(Self {
            connection,
            table,
            by,
            // Places are found by time, so a clock that was put back does not put entries back.
            at: stamp(now).max(state.at.clone()),
            state,
            tally: Tally::default(),
            episode: None,
            first: None,
            keys: VecDeque::new(),
            find: connection.prepare_cached(&find)?,
            put: connection.prepare_cached(&put)?,
            holds: connection
                .prepare_cached("SELECT 1 FROM _busta_removed WHERE table_name = ?1")?
                .exists([&table.name])?,
            before: Vec::new(),
        }))
    }

    /// What was recorded so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many rows there are.
    pub fn count(&self) -> u64 {
        self.state.count as u64
    }

    /// The fields whose changes do not count.
    pub fn ignored(&self) -> &[String] {
        &self.state.ignored
    }

    /// The table.
    pub fn table(&self) -> &'a Table {
        self.table
    }

    /// The connection.
    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// What a `DELETE` must end with, so that the rows can be recorded which it removes. Statements that write rows do
    /// without: SQLite makes a table of its own for what each of them returns.
    pub fn returning(&self) -> String {
        format!(" RETURNING _rowid_, {}", self.table.all_columns().join(", "))
    }

    /// Executes a statement that inserts or replaces the row of `key`, and records what it did.
    ///
    /// A new row whose key somebody removed by hand is left out, unless somebody inserts it by hand.
    pub fn step(
        &mut self,
        statement: &mut Statement<'_>,
        source: &str,
        key: ValueRef<'_>,
        row: &mut Incoming<'_, '_>,
    ) -> rusqlite::Result<()> {
        // Where known rows stay as they are, the statement itself tells whether there is one.
        let known = if row.may_replace() { self.read(source, key)? } else { None };
        if known.is_some_and(|fields| row.is(&self.before[fields..])) {
            return Ok(());
        }
        let held = known.is_none() && self.is_held(source, key)?;
        if held && !matches!(self.by, By::Edit { .. }) {
            return Ok(());
        }
        if statement.raw_execute()? == 0 {
            return Ok(());
        }
        if held {
            self.release(source, key)?;
        }
        let before = std::mem::take(&mut self.before);
        self.record(source, key, known.map(|_| before.as_slice()), Some(row.image()), held)?;
        self.before = before;
        Ok(())
    }

    /// Records the removal of a row that a `DELETE … RETURNING` gave.
    pub fn gone(&mut self, row: &Row<'_>, held: bool) -> rusqlite::Result<()> {
        let mut before = std::mem::take(&mut self.before);
        before.clear();
        image::write(self.table, row, &mut before)?;
        let source: String = row.get(2)?;
        self.record(&source, row.get_ref(self.key_column())?, Some(&before), None, held)?;
        self.before = before;
        Ok(())
    }

    /// Adds an entry.
    pub fn record(
        &mut self,
        source: &str,
        key: ValueRef<'_>,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
        held: bool,
    ) -> rusqlite::Result<()> {
        match (before, after) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                self.tally.inserted += 1;
                self.state.count += 1;
            }
            (Some(_), Some(_)) => self.tally.updated += 1,
            (Some(_), None) => {
                self.tally.removed += 1;
                self.state.count -= 1;
            }
        }
        let episode = self.episode()?;
        self.state.seq += 1;
        self.first.get_or_insert(self.state.seq);
        self.note_key(before.or(after));
        self.put.execute(params![
            self.state.seq,
            self.at,
            episode,
            source,
            ToSqlOutput::Borrowed(key),
            before.map(text),
            after.map(text),
            self.state.count,
            held.then_some(1),
        ])?;
        Ok(())
    }

    fn note_key(&mut self, image: Option<&[u8]>) {
        if !matches!(self.by, By::Edit { .. }) || self.keys.len() >= KEYS {
            return;
        }
        let text = image.and_then(|image| std::str::from_utf8(image).ok());
        let key = text.and_then(|text| image::Image::parse(text).ok()?.key(&self.table.primary_key).ok());
        self.keys.extend(key.map(|key| key.get().to_owned()));
    }

    /// The number of the episode, which begins with this if it has not yet.
    pub fn episode(&mut self) -> rusqlite::Result<i64> {
        if let Some(id) = self.episode {
            return Ok(id);
        }
        let id = begin(self.connection, &self.table.name, self.by, &self.at, &self.state)?;
        self.episode = Some(id);
        Ok(id)
    }

    /// Reads the row of a key, if there is one, into `before`, and tells where in it the fields begin.
    fn read(&mut self, source: &str, key: ValueRef<'_>) -> rusqlite::Result<Option<usize>> {
        self.before.clear();
        let mut rows = self.find.query(params![source, ToSqlOutput::Borrowed(key)])?;
        rows.next()?.map(|row| image::write(self.table, row, &mut self.before)).transpose()
    }

    fn is_held(&self, source: &str, key: ValueRef<'_>) -> rusqlite::Result<bool> {
        if !self.holds {
            return Ok(false);
        }
        self.connection
            .prepare_cached(
                "SELECT 1 FROM _busta_removed WHERE table_name = ?1 AND source = ?2 AND key = ?3",
            )?
            .exists(params![self.table.name, source, ToSqlOutput::Borrowed(key)])
    }

    /// Rows of a key may come again.
    pub fn release(&self, source: &str, key: ValueRef<'_>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM _busta_removed WHERE table_name = ?1 AND source = ?2 AND key = ?3")?
            .execute(params![self.table.name, source, ToSqlOutput::Borrowed(key)])?;
        Ok(())
    }

    /// Collections bring no row of a key any more.
    pub fn hold(&mut self, source: &str, key: ValueRef<'_>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO _busta_removed VALUES (?1, ?2, ?3)")?
            .execute(params![self.table.name, source, ToSqlOutput::Borrowed(key)])?;
        self.holds = true;
        Ok(())
    }

    /// Where a row read as `_rowid_` and all columns has its key.
    pub fn key_column(&self) -> usize {
        1 + SYSTEM.len() + self.table.columns.len()
    }

    /// Writes down how the log stands, and what the episode did.
    pub fn close(mut self) -> rusqlite::Result<()> {
        let Some(id) = self.episode else { return Ok(()) };
        let keys = (!self.keys.is_empty()).then(|| format!("[{}]", self.keys.make_contiguous().join(",")));
        let [inserted, updated, removed] =
            [self.tally.inserted, self.tally.updated, self.tally.removed].map(|rows| rows as i64);
        self.connection
            .prepare_cached(
                "UPDATE _busta_episodes SET inserted = inserted + ?2, updated = updated + ?3,
                 removed = removed + ?4, first_seq = coalesce(first_seq, ?5), seq = ?6, count = ?7, keys = ?8
                 WHERE id = ?1",
            )?
            .execute(params![
                id,
                inserted,
                updated,
                removed,
                self.first,
                self.state.seq,
                self.state.count,
                keys
            ])?;
        self.state.at = self.at;
        self.state.save(self.connection, &self.table.name)
    }
}

/// An image as a parameter, without a copy.
fn text(image: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(image))
}

/// The episode's row. Parts of runs go on with theirs.
fn begin(connection: &Connection, table: &str, by: By<'_>, at: &str, state: &State) -> rusqlite::Result<i64> {
    let (kind, run, source, who, action, undoes) = match by {
        By::Run { run, source } => (EpisodeKind::Run, Some(run), Some(source), None, None, None),
        By::Edit { who, action, undoes } => {
            (EpisodeKind::Edit, None, None, Some(who), Some(action.as_str()), undoes.map(|id| id as i64))
        }
        By::Retention { source } => (EpisodeKind::Retention, None, Some(source), None, None, None),
    };
    if let (Some(run), Some(source)) = (run, source) {
        let sql = "SELECT id FROM _busta_episodes WHERE table_name = ?1 AND run = ?2 AND source = ?3";
        let known = connection.prepare_cached(sql)?.query_row([table, run, source], |row| row.get(0));
        if let Some(id) = known.optional()? {
            return Ok(id);
        }
    }
    if kind == EpisodeKind::Retention
        && let Some(id) = going_on(connection, table, source, at)?
    {
        return Ok(id);
    }
    let sql =
        "INSERT INTO _busta_episodes (table_name, kind, at, run, source, who, action, undoes, seq, count)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        table,
        word(kind),
        at,
        run,
        source,
        who,
        action,
        undoes,
        state.seq,
        state.count
    ])?;
    Ok(connection.last_insert_rowid())
}

/// A retention works in many small steps: those of an hour with nothing in between are one episode.
fn going_on(
    connection: &Connection,
    table: &str,
    source: Option<&str>,
    at: &str,
) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id, kind = 'retention' AND source IS ?2 AND substr(at, 1, 13) = substr(?3, 1, 13)
               FROM _busta_episodes WHERE table_name = ?1 ORDER BY id DESC LIMIT 1";
    let last = connection
        .prepare_cached(sql)?
        .query_row(params![table, source, at], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(last.filter(|(_, same)| *same).map(|(id, _): (i64, bool)| id))
}

/// The kind as the table of episodes has it.
pub(super) fn word(kind: EpisodeKind) -> &'static str {
    match kind {
        EpisodeKind::Run => "run",
        EpisodeKind::Edit => "edit",
        EpisodeKind::Retention => "retention",
    }
}

/// The end of a source's part of a run: the place in the log and the number of rows hold as its snapshot.
/// To repeat it changes nothing, unless the run has changed rows since.
pub(in super::super) fn snapshot(
    connection: &Connection,
    table: &Table,
    finish: &Finish,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let Some(state) = State::of(connection, table)?.filter(|state| state.active) else { return Ok(()) };
    let at = stamp(now).max(state.at.clone());
    let by = By::Run { run: finish.run.as_str(), source: finish.source.as_str() };
    let id = begin(connection, &table.name, by, &at, &state)?;
    connection
        .prepare_cached(
            "UPDATE _busta_episodes SET ended = ?4, ended_seq = ?2, ended_count = ?3
             WHERE id = ?1 AND (ended IS NULL OR seq > ended_seq)",
        )?
        .execute(params![id, state.seq, state.count, at])?;
    // A run that is retried may end better without another row.
    connection
        .prepare_cached("UPDATE _busta_episodes SET status = ?2 WHERE id = ?1")?
        .execute(params![id, finish.status.as_str()])?;
    Ok(())
}
