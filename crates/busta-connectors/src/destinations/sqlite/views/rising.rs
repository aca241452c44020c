//! Terms that are rising.

use std::ops::Range;

use busta_core::reading::view::{TrendingQuery, TrendingTerm};
use rusqlite::{Connection, OptionalExtension, params};

use super::counts::{Counts, buckets};
use super::fold::ALWAYS;
use super::journal;
use super::layout::View;
use super::packed::{counts, unpacked};
use super::tally::HOUR;

/// The terms that have grown most.
pub fn rising(
    connection: &Connection,
    view: &View,
    query: &TrendingQuery,
    group: u32,
) -> rusqlite::Result<Vec<TrendingTerm>> {
    if view.settings.text.is_empty() {
        return Ok(Vec::new());
    }
    let hours = query.hours.from..query.hours.to;
    let (rows, past_rows) = rows_around(connection, view, &hours, group)?;
    let words = Words::read(connection, view, &hours, group)?;
    let grown = |(term, (&count, &past)): (usize, (&i32, &i32))| {
        let made = TrendingTerm::of(String::new(), count.max(0) as u64, rows, past.max(0) as u64, past_rows)?;
        Some((term, made))
    };
    let grown = words.window.iter().zip(&words.past).enumerate().filter_map(grown).collect();
    let name = format!("SELECT term FROM {} WHERE id = ?1", view.side("terms"));
    let mut name = connection.prepare_cached(&name)?;
    let mut best = Vec::new();
    for (term, grown) in first(grown, query.limit.max(1)) {
        let name: Option<String> = name.query_row([term as i64], |row| row.get(0)).optional()?.flatten();
        best.extend(name.map(|term| TrendingTerm { term, ..grown }));
    }
    best.sort_unstable_by(TrendingTerm::order);
    best.truncate(query.limit.max(1));
    Ok(best)
}

/// The first of what has grown, in any order, and those that only their names can tell apart from them.
fn first(mut grown: Vec<(usize, TrendingTerm)>, limit: usize) -> Vec<(usize, TrendingTerm)> {
    if grown.len() > limit {
        let (_, (_, last), _) = grown.select_nth_unstable_by(limit - 1, |(_, a), (_, b)| a.order(b));
        let last = last.clone();
        grown.retain(|(_, term)| term.order(&last).is_le());
    }
    grown
}

/// How many rows the window has, and how many there were before.
fn rows_around(
    connection: &Connection,
    view: &View,
    hours: &Range<i64>,
    group: u32,
) -> rusqlite::Result<(u64, u64)> {
    let sql = format!("SELECT n FROM {} WHERE id = ?1", view.side("groups"));
    let all: i64 = connection.prepare_cached(&sql)?.query_row([group], |row| row.get(0))?;
    let counts = Counts::new(view);
    let rows = counts.sum(connection, group, hours.clone())?.records;
    let later = counts.sum(connection, group, hours.end..i64::MAX)?.records;
    Ok((rows, (all as u64).saturating_sub(rows + later)))
}

/// How many rows have each term, by its number.
struct Words {
    window: Vec<i32>,
    /// Those before the window.
    past: Vec<i32>,
}

impl Words {
    fn read(connection: &Connection, view: &View, hours: &Range<i64>, group: u32) -> rusqlite::Result<Self> {
        let last = format!("SELECT coalesce(max(id), 0) FROM {}", view.side("terms"));
        let last: u32 = connection.prepare_cached(&last)?.query_row([], |row| row.get(0))?;
        let none = vec![0; last as usize + 1];
        let mut words = Self { window: none.clone(), past: none };
        let table = view.side("words");
        let of = format!("SELECT terms FROM {table} WHERE span = ?1 AND bucket = ?2 AND grp = ?3");
        let mut of = connection.prepare_cached(&of)?;
        let mut bucket = |into: &mut [i32], span: i64, bucket: i64| {
            let mut rows = of.query(params![span, bucket, group])?;
            if let Some(row) = rows.next()? {
                add(into, row.get_ref(0)?.as_blob()?, 1);
            }
            Ok::<(), rusqlite::Error>(())
        };
        bucket(&mut words.past, ALWAYS, 0)?;
        for (span, buckets) in buckets(hours.clone()) {
            for n in buckets {
                bucket(&mut words.window, span, n)?;
            }
        }
        words.without_later(connection, &table, hours.end, group)?;
        words.past.iter_mut().zip(&words.window).for_each(|(past, window)| *past -= window);
        words.add_journal(connection, view, hours, group)?;
        Ok(words)
    }

    /// Rows whose time has not come yet are neither of the window nor of the past.
    fn without_later(
        &mut self,
        connection: &Connection,
        table: &str,
        end: i64,
        group: u32,
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT terms FROM {table} WHERE span = {HOUR} AND bucket >= ?1 AND grp = ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![end, group])?;
        while let Some(row) = rows.next()? {
            add(&mut self.past, row.get_ref(0)?.as_blob()?, -1);
        }
        Ok(())
    }

    fn add_journal(
        &mut self,
        connection: &Connection,
        view: &View,
        hours: &Range<i64>,
        group: u32,
    ) -> rusqlite::Result<()> {
        journal::each(connection, view, |entry| {
            let hour = entry.row.hour();
            if !entry.row.is_of(group) || hour >= hours.end {
                return;
            }
            let into = if hour >= hours.start { &mut self.window } else { &mut self.past };
            for term in unpacked(entry.terms) {
                if let Some(count) = into.get_mut(term as usize) {
                    *count += entry.sign;
                }
            }
        })
    }
}

fn add(into: &mut [i32], terms: &[u8], sign: i32) {
    for (term, count) in counts(terms) {
        if let Some(sum) = into.get_mut(term as usize) {
            *sum += sign * count as i32;
        }
    }
}
