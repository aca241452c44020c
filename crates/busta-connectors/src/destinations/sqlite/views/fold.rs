//! Folding the journal into the [timeline](super::timeline) and the counts of terms.
//!
//! A count of its own for each hour, group and term would be a place in a tree that each word of each row has to
//! find. Instead all terms of a bucket are one value, [packed](super::packed) in the order of their numbers: what has
//! gathered in the journal is merged into it at once, and a question reads few long values. This is a log-structured
//! merge of two levels (P. O'Neil et al., "The Log-Structured Merge-Tree", 1996).

use rusqlite::{Connection, OptionalExtension, params};

use super::dictionary::ALL;
use super::journal;
use super::layout::View;
use super::packed::{Counts, counts, unpacked};
use super::tally::{DAY, HOUR};
use super::timeline::{Changes, Timeline};

/// The bucket of all rows whenever they were is 0 of this length.
pub const ALWAYS: i64 = 0;

/// The journal is folded at so many bytes: some hundred thousand terms, which a question adds up in two or three
/// milliseconds. The buckets of a small table are small, so it is folded sooner: at so many bytes for each row.
const FOLD_BYTES: i64 = 1 << 20;
const FOLD_BYTES_PER_ROW: i64 = 8;

/// A term of a row that came, or went with a `sign` of -1.
#[derive(Clone, Copy)]
struct Change {
    hour: i32,
    group: u32,
    term: u32,
    sign: i32,
}

/// The buckets that a change goes into, one for each length and of all groups or its own.
#[derive(Clone, Copy)]
struct Level {
    span: i64,
    whole: bool,
}

impl Level {
    /// Bucket and group.
    fn place(self, change: &Change) -> (i64, u32) {
        let bucket = if self.span == ALWAYS { 0 } else { i64::from(change.hour).div_euclid(self.span) };
        (bucket, if self.whole { ALL } else { change.group })
    }
}

/// Folds the journal if it is long. Terms that no row has any more are forgotten.
pub fn fold_if_long(connection: &Connection, view: &View) -> rusqlite::Result<()> {
    let rows = format!("SELECT n FROM {} WHERE id = {ALL}", view.side("groups"));
    let rows: i64 = connection.prepare_cached(&rows)?.query_row([], |row| row.get(0))?;
    if journal::bytes(connection, view)? <= (rows * FOLD_BYTES_PER_ROW).min(FOLD_BYTES) {
        return Ok(());
    }
    Timeline::new(connection, view).fold(&Changes::read(connection, view)?)?;
    let mut changes = Vec::new();
    journal::each(connection, view, |entry| {
        let (hour, group, sign) = (entry.row.hour() as i32, entry.row.group, entry.sign);
        changes.extend(unpacked(entry.terms).map(|term| Change { hour, group, term, sign }));
    })?;
    let gone = fold(connection, view, &mut changes, Level { span: ALWAYS, whole: true })?;
    let forget = format!("UPDATE {} SET term = NULL WHERE id = ?1", view.side("terms"));
    let mut forget = connection.prepare_cached(&forget)?;
    for term in gone {
        forget.execute([term])?;
    }
    fold(connection, view, &mut changes, Level { span: ALWAYS, whole: false })?;
    changes.retain(|change| i64::from(change.hour) >= view.hours_from);
    for span in [DAY, HOUR] {
        for whole in [true, false] {
            fold(connection, view, &mut changes, Level { span, whole })?;
        }
    }
    journal::clear(connection, view)
}

/// Removes the buckets that are too old to be asked for.
pub fn forget_hours(connection: &Connection, view: &View) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM {} WHERE span = ?1 AND bucket < ?2", view.side("words"));
    let mut remove = connection.prepare_cached(&sql)?;
    for span in [DAY, HOUR] {
        remove.execute([span, view.hours_from.div_euclid(span)])?;
    }
    Ok(())
}

/// Merges changes into the buckets of one level; the terms whose counts came to nothing.
fn fold(
    connection: &Connection,
    view: &View,
    changes: &mut [Change],
    level: Level,
) -> rusqlite::Result<Vec<u32>> {
    let table = view.side("words");
    let find = format!("SELECT terms FROM {table} WHERE span = ?1 AND bucket = ?2 AND grp = ?3");
    let put = format!(
        "INSERT INTO {table} (span, bucket, grp, terms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET terms = excluded.terms"
    );
    let remove = format!("DELETE FROM {table} WHERE span = ?1 AND bucket = ?2 AND grp = ?3");
    let (mut find, mut put) = (connection.prepare_cached(&find)?, connection.prepare_cached(&put)?);
    let mut gone = Vec::new();
    changes.sort_unstable_by_key(|change| (level.place(change), change.term));
    for changes in changes.chunk_by(|a, b| level.place(a) == level.place(b)) {
        let (bucket, group) = level.place(&changes[0]);
        if !level.whole && group == ALL {
            continue;
        }
        let key = params![level.span, bucket, group];
        let old: Option<Vec<u8>> = find.query_row(key, |row| row.get(0)).optional()?;
        let merged = merged(&old.unwrap_or_default(), changes, &mut gone);
        if merged.is_empty() {
            connection.prepare_cached(&remove)?.execute(key)?;
        } else {
            put.execute(params![level.span, bucket, group, merged])?;
        }
    }
    Ok(gone)
}

/// Counts with changes, which are in the order of their terms; what comes to nothing is `gone`.
fn merged(old: &[u8], changes: &[Change], gone: &mut Vec<u32>) -> Vec<u8> {
    let (mut new, mut old) = (Counts::default(), counts(old).peekable());
    for changes in changes.chunk_by(|a, b| a.term == b.term) {
        let term = changes[0].term;
        while let Some((other, count)) = old.next_if(|(other, _)| *other < term) {
            new.put(other, count);
        }
        let before = old.next_if(|(other, _)| *other == term).map_or(0, |(_, count)| i64::from(count));
        let count = before + changes.iter().map(|change| i64::from(change.sign)).sum::<i64>();
        if count > 0 {
            new.put(term, count as u32);
        } else {
            gone.push(term);
        }
    }
    old.for_each(|(term, count)| new.put(term, count));
    new.bytes
}
