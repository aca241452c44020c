//! What is trending: the rows that rise fastest, and [terms](super::rising).

use std::ops::Range;
use std::path::Path;

use busta_core::reading::view::{TRENDING_HOURS, Trending, TrendingQuery};
use busta_core::{Error, RecordsBuilder, Result};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::lent::Reader;
use super::super::names::quoted;
use super::super::read::{find, write_row};
use super::columns::Part;
use super::dictionary::ALL;
use super::layout::View;
use super::read::{Open, patient};
use super::rising::rising;
use super::timeline::{Changes, Row, Timeline};

/// One hour in milliseconds. What is younger counts as so old.
const HOUR_MS: i64 = 3_600_000;

/// Looks for trends, in the transaction that the reader is in.
pub fn trending(reader: &mut Reader, path: &Path, query: &TrendingQuery) -> Result<Trending> {
    if query.hours.count() > TRENDING_HOURS {
        return Err(Error::data(format!(
            "the window has {} hours, at most {TRENDING_HOURS}",
            query.hours.count()
        )));
    }
    let group = query.group.as_ref().map(|_| Part::Group);
    let asked: Vec<Part> = [Part::Time, Part::Score, Part::Text].into_iter().chain(group).collect();
    let open = Open::of(reader, path, &query.table, &asked)?;
    let table = find(&open.catalogue, &query.table)?;
    let connection = reader.connection();
    let Some(group) = patient(open.group(connection, query.group.as_deref()), path)? else {
        return Ok(Trending::default());
    };
    let fastest = patient(fastest(connection, &open.view, query, group), path)?;
    let mut rows = RecordsBuilder::default();
    let mut velocities = Vec::with_capacity(fastest.len());
    let sql = format!(
        "SELECT _rowid_, {} FROM {} WHERE _rowid_ = ?1",
        table.all_columns().join(", "),
        quoted(&table.name)
    );
    let mut record = Vec::new();
    for fast in fastest {
        record.clear();
        let read = |row: &rusqlite::Row<'_>| write_row(table, row, &mut record);
        let read =
            connection.prepare_cached(&sql).and_then(|mut row| row.query_row([fast.id], read).optional());
        // Another program may have removed it behind our back.
        if patient(read, path)?.is_some() {
            rows.push(&record);
            velocities.push(fast.velocity);
        }
    }
    let terms = patient(rising(connection, &open.view, query, group), path)?;
    Ok(Trending { records: rows.finish(), velocities, terms })
}

/// A row and its velocity.
#[derive(Clone, Copy, Debug)]
struct Fast {
    velocity: f64,
    at: i64,
    id: i64,
}

/// The fastest rows.
///
/// No row is faster than its hour's highest score would be at the hour's end, so that an hour for which that is too
/// slow need not be looked at (the threshold algorithm of Fagin, Lotem and Naor, "Optimal aggregation algorithms for
/// middleware", 2003).
fn fastest(
    connection: &Connection,
    view: &View,
    query: &TrendingQuery,
    group: u32,
) -> rusqlite::Result<Vec<Fast>> {
    let mut best = Best { rows: Vec::new(), limit: query.limit.max(1), now: query.now.timestamp_millis() };
    if view.settings.score.is_none() {
        return Ok(best.rows);
    }
    let hours = query.hours.from..query.hours.to;
    risen(connection, view, hours.clone(), group, &mut best)?;
    let changes = Changes::read(connection, view)?;
    for row in changes.rows().filter(|row| row.is_of(group) && hours.contains(&row.hour())) {
        best.see(row);
    }
    Timeline::new(connection, view).folded(hours, |hour| {
        if best.is_beyond(best.velocity(hour.top, end_of(hour.hour))) {
            return Ok(());
        }
        for row in hour.rows()?.filter(|row| row.is_of(group)) {
            let velocity = best.velocity(row.score.unwrap_or_default(), row.at);
            if !best.is_beyond(velocity) && !changes.touch(row.place()) {
                best.see(&row);
            }
        }
        Ok(())
    })?;
    Ok(best.rows)
}

/// Rows by what they have gained since their scores last changed: within an hour, they come in the order of it.
fn risen(
    connection: &Connection,
    view: &View,
    hours: Range<i64>,
    group: u32,
    best: &mut Best,
) -> rusqlite::Result<()> {
    let of_group = if group == ALL { "?1 IS ?1" } else { "grp = ?1" };
    let sql = format!(
        "SELECT gain, was_at, at, id FROM {} WHERE {of_group} AND was_hour = ?2 AND gain > 0 ORDER BY gain DESC",
        view.side("rows")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for hour in hours.rev() {
        let mut rows = statement.query(params![group, hour])?;
        while let Some(row) = rows.next()? {
            let gain: f64 = row.get(0)?;
            if best.is_beyond(best.velocity(gain, end_of(hour))) {
                break;
            }
            let velocity = best.velocity(gain, row.get(1)?);
            best.take(Fast { velocity, at: row.get(2)?, id: row.get(3)? });
        }
    }
    Ok(())
}

/// The end of an hour in milliseconds.
fn end_of(hour: i64) -> i64 {
    hour.saturating_add(1).saturating_mul(HOUR_MS)
}

/// The fastest so far, the very fastest first.
struct Best {
    rows: Vec<Fast>,
    limit: usize,
    now: i64,
}

impl Best {
    fn velocity(&self, gain: f64, since: i64) -> f64 {
        gain / (self.now.saturating_sub(since).max(HOUR_MS) as f64 / HOUR_MS as f64)
    }

    /// Takes a row by its score, if it has points.
    fn see(&mut self, row: &Row) {
        if let Some(score) = row.score.filter(|score| *score > 0.0) {
            self.take(Fast { velocity: self.velocity(score, row.at), at: row.at, id: row.id });
        }
    }

    /// Whether no row of at most this velocity is among them.
    fn is_beyond(&self, velocity: f64) -> bool {
        self.rows.len() >= self.limit && self.rows.last().is_some_and(|last| velocity < last.velocity)
    }

    fn take(&mut self, fast: Fast) {
        if let Some(known) = self.rows.iter().position(|row| row.id == fast.id) {
            if self.rows[known].velocity >= fast.velocity {
                return;
            }
            self.rows.remove(known);
        }
        let before = |row: &Fast| {
            row.velocity.total_cmp(&fast.velocity).then((row.at, row.id).cmp(&(fast.at, fast.id))).is_gt()
        };
        let place = self.rows.partition_point(before);
        self.rows.insert(place, fast);
        self.rows.truncate(self.limit);
    }
}
