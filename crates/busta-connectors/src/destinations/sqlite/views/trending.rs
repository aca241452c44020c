//! What is rising: rows and terms.

use std::path::Path;

use busta_core::reading::view::{
    Hours, MOST_BUCKETS, Mood, TRENDING_HOURS, Trending, TrendingQuery, TrendingTerm,
};
use busta_core::{Error, RecordsBuilder, Result};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::lent::Reader;
use super::super::names::quoted;
use super::super::read::{find, write_row};
use super::counts::Counts;
use super::dictionary::ALL;
use super::layout::View;
use super::read::{Open, patient};

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
    let open = Open::of(reader, path, &query.table)?;
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
    group: i64,
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

/// The terms that have grown most.
fn rising(
    connection: &Connection,
    view: &View,
    query: &TrendingQuery,
    group: i64,
) -> rusqlite::Result<Vec<TrendingTerm>> {
    if view.settings.text.is_empty() {
        return Ok(Vec::new());
    }
    let (rows, past_rows) = rows_around(connection, view, query.hours, group)?;
    let later = later(connection, view, query.hours, group)?;
    let total = format!("SELECT n FROM {} WHERE grp = ?1 AND term = ?2", view.side("totals"));
    let name = format!("SELECT term FROM {} WHERE id = ?1", view.side("terms"));
    let (mut total, mut name) = (connection.prepare_cached(&total)?, connection.prepare_cached(&name)?);
    let mut rising: Vec<TrendingTerm> = Vec::new();
    for (term, count) in in_window(connection, view, query.hours, group)? {
        // Nothing grows by more than its count, and the most frequent come first.
        if rising.len() >= query.limit.max(1)
            && rising.last().is_some_and(|last| (count as f64) < last.growth)
        {
            break;
        }
        let total: i64 = total.query_row([group, term], |row| row.get(0))?;
        let later = later.binary_search_by_key(&term, |(term, _)| *term).map_or(0, |at| later[at].1);
        let past = (total as u64).saturating_sub(count + later);
        let made = TrendingTerm::of(String::new(), count, rows, past, past_rows);
        let Some(mut made) = made else { continue };
        made.term = name.query_row([term], |row| row.get(0))?;
        let place = rising.partition_point(|other| other.order(&made).is_lt());
        rising.insert(place, made);
        rising.truncate(query.limit.max(1));
    }
    Ok(rising)
}

/// How many rows the window has, and how many there were before.
fn rows_around(
    connection: &Connection,
    view: &View,
    hours: Hours,
    group: i64,
) -> rusqlite::Result<(u64, u64)> {
    let sql = format!("SELECT n FROM {} WHERE id = ?1", view.side("groups"));
    let all: i64 = connection.prepare_cached(&sql)?.query_row([group], |row| row.get(0))?;
    let count = |hours: Hours| {
        let mut sum = Mood::default();
        Counts::new(view, hours).each(connection, group, |_, mood| sum.add(mood))?;
        Ok::<u64, rusqlite::Error>(sum.records)
    };
    let rows = count(hours)?;
    let later = count(Hours { from: hours.to, to: i64::MAX, bucket: 1 })?;
    Ok((rows, (all as u64).saturating_sub(rows + later)))
}

/// Terms of the window, the most frequent first.
fn in_window(
    connection: &Connection,
    view: &View,
    hours: Hours,
    group: i64,
) -> rusqlite::Result<Vec<(i64, u64)>> {
    let sql = format!("SELECT term, n FROM {} WHERE hour = ?1 AND grp = ?2", view.side("hours"));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut counts = Vec::new();
    for hour in hours.from..hours.to.min(hours.from.saturating_add(MOST_BUCKETS)) {
        gather(&mut statement, [hour, group], &mut counts)?;
    }
    let mut counts = summed(counts);
    counts.sort_unstable_by_key(|(term, count)| (std::cmp::Reverse(*count), *term));
    Ok(counts)
}

/// Terms of rows whose time has not come yet, by their numbers: they are neither of the window nor of the past.
fn later(
    connection: &Connection,
    view: &View,
    hours: Hours,
    group: i64,
) -> rusqlite::Result<Vec<(i64, u64)>> {
    let sql = format!("SELECT term, n FROM {} WHERE hour >= ?1 AND grp = ?2", view.side("hours"));
    let mut counts = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    gather(&mut statement, [hours.to, group], &mut counts)?;
    Ok(summed(counts))
}

fn gather(
    statement: &mut rusqlite::Statement<'_>,
    of: [i64; 2],
    counts: &mut Vec<(i64, u64)>,
) -> rusqlite::Result<()> {
    let mut rows = statement.query(of)?;
    while let Some(row) = rows.next()? {
        counts.push((row.get(0)?, row.get::<_, i64>(1)? as u64));
    }
    Ok(())
}

/// The counts of each term together, in the order of their numbers. Each hour's come in this order, so that a sort
/// that finds runs has little to do.
fn summed(mut counts: Vec<(i64, u64)>) -> Vec<(i64, u64)> {
    counts.sort_by_key(|(term, _)| *term);
    counts.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    counts
}
