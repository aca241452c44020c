//! What is trending: the rows that rise fastest, and [terms](super::rising).

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

/// A pace that rows may have: points gained since a time.
struct Pace {
    gain: &'static str,
    since: &'static str,
    hour: &'static str,
}

const PACES: [Pace; 2] = [
    Pace { gain: "score", since: "at", hour: "hour" },
    Pace { gain: "gain", since: "was_at", hour: "was_hour" },
];

/// The fastest rows.
///
/// Within an hour, rows come in the order of what they have gained; none of them is younger than the hour's end,
/// so once one could not be fast enough even if it was that young, the others of the hour need not be looked at
/// (the threshold algorithm of Fagin, Lotem and Naor, "Optimal aggregation algorithms for middleware", 2003).
fn fastest(
    connection: &Connection,
    view: &View,
    query: &TrendingQuery,
    group: u32,
) -> rusqlite::Result<Vec<Fast>> {
    let mut best = Best { rows: Vec::new(), limit: query.limit.max(1) };
    if view.settings.score.is_none() {
        return Ok(best.rows);
    }
    let now = query.now.timestamp_millis();
    for Pace { gain, since, hour } in PACES {
        let of_group = if group == ALL { "?1 IS ?1" } else { "grp = ?1" };
        let sql = format!(
            "SELECT {gain}, {since}, at, id FROM {} WHERE {of_group} AND {hour} = ?2 AND {gain} > 0 ORDER BY {gain} DESC",
            view.side("rows")
        );
        let mut statement = connection.prepare_cached(&sql)?;
        for hour in (query.hours.from..query.hours.to).rev() {
            let youngest = hour.saturating_add(1).saturating_mul(HOUR_MS);
            let mut rows = statement.query(params![group, hour])?;
            while let Some(row) = rows.next()? {
                let (gain, since): (f64, i64) = (row.get(0)?, row.get(1)?);
                if best.is_beyond(velocity(gain, youngest, now)) {
                    break;
                }
                best.take(Fast { velocity: velocity(gain, since, now), at: row.get(2)?, id: row.get(3)? });
            }
        }
    }
    Ok(best.rows)
}

fn velocity(gain: f64, since: i64, now: i64) -> f64 {
    gain / (now.saturating_sub(since).max(HOUR_MS) as f64 / HOUR_MS as f64)
}

/// The fastest so far, the very fastest first.
struct Best {
    rows: Vec<Fast>,
    limit: usize,
}

impl Best {
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
