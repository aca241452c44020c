//! Following the table: rows that have changed are taken out and put in again.

use busta_core::reading::view::hour_of;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::schema::{Catalogue, Table};
use super::dictionary::{ALL, Dictionary};
use super::fold::{fold_if_long, forget_hours};
use super::layout::{KEPT_HOURS, View};
use super::packed::packed;
use super::row::{Reading, Seen};
use super::tally::{Part, Tally, code};
use super::timeline::Row;

/// So many changed rows are taken up at a time.
const PIECE: usize = 2_000;

/// Brings all views up to what the transaction has done. Called at its end.
pub fn settle(connection: &Connection, catalogue: &Catalogue) -> rusqlite::Result<()> {
    for view in View::all(connection)? {
        if let Some(table) = catalogue.table(&view.table) {
            follow(connection, table, view)?;
        }
    }
    Ok(())
}

fn follow(connection: &Connection, table: &Table, view: View) -> rusqlite::Result<()> {
    let changed = view.side("changed");
    let take = format!("SELECT id, fresh FROM {changed} ORDER BY id LIMIT {PIECE}");
    let done = format!("DELETE FROM {changed} WHERE id <= ?1");
    let mut keeper = None;
    loop {
        let ids: Vec<(i64, bool)> = connection
            .prepare_cached(&take)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let Some((last, _)) = ids.last() else { break };
        let keeper = keeper.get_or_insert_with(|| Keeper::new(table, view.clone()));
        for &(id, fresh) in &ids {
            if view.next.is_none_or(|next| id < next) {
                keeper.row(connection, id, fresh)?;
            }
        }
        connection.prepare_cached(&done)?.execute([last])?;
    }
    match keeper {
        Some(keeper) => keeper.finish(connection),
        None => Ok(()),
    }
}

/// Keeps a view through one transaction.
pub struct Keeper {
    view: View,
    reading: Reading,
    dictionary: Dictionary,
    tally: Tally,
    /// The newest row by when it was stored, in milliseconds since 1970.
    newest: Option<i64>,
    find: String,
    put: String,
    remove: String,
}

/// How a row's score was before it last changed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rise {
    /// When the score that it has was stored, in milliseconds since 1970.
    seen_at: i64,
    /// When the one before it was stored, and how much has been gained since.
    since: Option<(i64, f64)>,
}

/// What is known of a row that counts.
struct Counted {
    part: Part,
    rise: Rise,
}

impl Keeper {
    pub fn new(table: &Table, view: View) -> Self {
        let rows = view.side("rows");
        Self {
            reading: Reading::new(table, &view),
            dictionary: Dictionary::new(&view),
            tally: Tally::default(),
            newest: None,
            find: format!(
                "SELECT at, grp, label, compound, score, seen_at, was_at, gain, terms FROM {rows} WHERE id = ?1"
            ),
            put: format!(
                "INSERT OR REPLACE INTO {rows} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            ),
            remove: format!("DELETE FROM {rows} WHERE id = ?1"),
            view,
        }
    }

    /// Counts a row as it stands now, instead of as it stood. A `fresh` one is another than the one that had its
    /// rowid.
    pub fn row(&mut self, connection: &Connection, id: i64, fresh: bool) -> rusqlite::Result<()> {
        let old = self.counted(connection, id)?;
        let new = match self.reading.row(connection, id)? {
            Some(seen) => Some(self.count(connection, id, seen, old.as_ref().filter(|_| !fresh))?),
            None => None,
        };
        match (&old, &new) {
            (Some(old), Some(new)) if old.part == new.part && old.rise == new.rise => return Ok(()),
            (_, Some(new)) => new.put(connection, &self.put)?,
            (Some(_), None) => drop(connection.prepare_cached(&self.remove)?.execute([id])?),
            (None, None) => return Ok(()),
        }
        for (counted, sign) in [(&old, -1), (&new, 1)] {
            if let Some(counted) = counted {
                self.tally.count(&counted.part, sign);
            }
        }
        if self.tally.is_full() {
            self.write(connection)?;
        }
        Ok(())
    }

    /// Writes what is left, and forgets the hours of terms that are too old.
    pub fn finish(mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.write(connection)?;
        let wanted = self.newest.map_or(i64::MIN, |newest| hour_of(newest) - KEPT_HOURS);
        if wanted <= self.view.hours_from {
            return Ok(());
        }
        self.view.hours_from = wanted;
        forget_hours(connection, &self.view)?;
        self.view.save(connection)
    }

    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.tally.write(connection, &self.view)?;
        fold_if_long(connection, &self.view)?;
        self.dictionary.forget_terms();
        Ok(())
    }

    /// What a row has counted for so far.
    fn counted(&self, connection: &Connection, id: i64) -> rusqlite::Result<Option<Counted>> {
        let mut statement = connection.prepare_cached(&self.find)?;
        let counted = |row: &rusqlite::Row<'_>| {
            let (was, gain): (Option<i64>, Option<f64>) = (row.get(6)?, row.get(7)?);
            let terms: Option<Vec<u8>> = row.get(8)?;
            let place = Row {
                at: row.get(0)?,
                id,
                group: row.get::<_, Option<u32>>(1)?.unwrap_or(ALL),
                label: row.get(2)?,
                score: row.get(4)?,
            };
            Ok(Counted {
                part: Part { row: place, compound: row.get(3)?, terms: terms.unwrap_or_default() },
                rise: Rise { seen_at: row.get(5)?, since: was.zip(gain) },
            })
        };
        statement.query_row([id], counted).optional()
    }

    fn count(
        &mut self,
        connection: &Connection,
        id: i64,
        seen: Seen,
        old: Option<&Counted>,
    ) -> rusqlite::Result<Counted> {
        self.newest = self.newest.max(Some(seen.loaded_at));
        let group = seen.group.map(|name| self.dictionary.group(connection, name)).transpose()?;
        let (group, label) = (group.unwrap_or(ALL), code(seen.label));
        let row = Row { at: seen.at, id, group, label, score: seen.score };
        let terms = packed(&self.dictionary.terms(connection, seen.terms)?);
        let rise = Rise::of(seen.score, seen.loaded_at, old);
        Ok(Counted { part: Part { row, compound: seen.compound, terms }, rise })
    }
}

impl Rise {
    fn of(score: Option<f64>, loaded_at: i64, old: Option<&Counted>) -> Self {
        let Some(old) = old else { return Self { seen_at: loaded_at, since: None } };
        match (old.part.row.score, score) {
            (Some(before), Some(now)) if before != now => {
                Self { seen_at: loaded_at, since: Some((old.rise.seen_at, now - before)) }
            }
            (before, now) if before == now => old.rise,
            _ => Self { seen_at: loaded_at, since: None },
        }
    }
}

impl Counted {
    fn put(&self, connection: &Connection, sql: &str) -> rusqlite::Result<()> {
        let Self { part: Part { row, compound, terms }, rise } = self;
        let (was_at, gain) = rise.since.unzip();
        connection.prepare_cached(sql)?.execute(params![
            row.id,
            row.at,
            (row.group != ALL).then_some(row.group),
            row.label,
            compound,
            row.score,
            rise.seen_at,
            was_at,
            was_at.map(hour_of),
            gain,
            (!terms.is_empty()).then_some(terms),
        ])?;
        Ok(())
    }
}
