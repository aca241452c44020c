//! What rows add to the counts of a view and take from them, gathered for many rows and written at once.

use std::collections::HashMap;
use std::hash::Hash;

use busta_core::reading::view::Label;
use rusqlite::{Connection, params};

use super::dictionary::ALL;
use super::journal::{self, Entries};
use super::layout::View;
use super::timeline::Row;

/// Lengths of buckets, in hours.
pub const HOUR: i64 = 1;
pub const DAY: i64 = 24;

/// The label of rows without one.
const NO_LABEL: i64 = 2;

/// So many counts are gathered at most, and so many bytes of entries: some megabytes.
const MOST: usize = 20_000;
const MOST_BYTES: usize = 1 << 20;

/// What one row counts for.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub row: Row,
    /// In millionths.
    pub compound: Option<i64>,
    /// [Packed](super::packed).
    pub terms: Vec<u8>,
}

/// A label as a number; the order of labels is kept.
pub fn code(label: Option<Label>) -> i64 {
    match label {
        Some(Label::Negative) => -1,
        Some(Label::Neutral) => 0,
        Some(Label::Positive) => 1,
        None => NO_LABEL,
    }
}

/// Group, length of bucket, bucket.
type StatKey = (u32, i64, i64);
/// Rows, those of each label, those with a compound score, and the sum of these scores.
type Sums = [i64; 6];

/// Changes of counts.
#[derive(Default)]
pub struct Tally {
    groups: HashMap<u32, i64>,
    stats: HashMap<StatKey, Sums>,
    entries: Entries,
}

impl Tally {
    /// Adds a row, or takes one away with a `sign` of -1.
    pub fn count(&mut self, part: &Part, sign: i64) {
        let is = |label: Label| i64::from(part.row.label == code(Some(label)));
        let [negative, neutral, positive] = Label::ALL.map(is);
        let scored = i64::from(part.compound.is_some());
        let counts: Sums = [1, negative, neutral, positive, scored, part.compound.unwrap_or(0)];
        let own = Some(part.row.group).filter(|group| *group != ALL);
        for group in [Some(ALL), own].into_iter().flatten() {
            *self.groups.entry(group).or_default() += sign;
            for span in [HOUR, DAY] {
                let sums = self.stats.entry((group, span, part.row.hour().div_euclid(span))).or_default();
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += sign * count;
                }
            }
        }
        self.entries.push(&part.row, &part.terms, sign);
    }

    /// Whether it should be written before more is gathered.
    pub fn is_full(&self) -> bool {
        self.stats.len() > MOST || self.entries.bytes() > MOST_BYTES
    }

    /// Writes the changes and is empty again. Counts that come to nothing are removed.
    pub fn write(&mut self, connection: &Connection, view: &View) -> rusqlite::Result<()> {
        let groups = format!("UPDATE {} SET n = n + ?2 WHERE id = ?1", view.side("groups"));
        for (group, change) in self.groups.drain() {
            connection.prepare_cached(&groups)?.execute(params![group, change])?;
        }
        self.write_stats(connection, view)?;
        journal::append(connection, view, std::mem::take(&mut self.entries))
    }

    fn write_stats(&mut self, connection: &Connection, view: &View) -> rusqlite::Result<()> {
        let stats = view.side("stats");
        let mut add = connection.prepare_cached(&format!(
            "INSERT INTO {stats} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET
             n = n + excluded.n, negative = negative + excluded.negative, neutral = neutral + excluded.neutral,
             positive = positive + excluded.positive, scored = scored + excluded.scored,
             compound = compound + excluded.compound"
        ))?;
        let mut tidy = connection.prepare_cached(&format!(
            "DELETE FROM {stats} WHERE grp = ?1 AND span = ?2 AND bucket = ?3 AND n = 0"
        ))?;
        for ((group, span, bucket), sums) in sorted(&mut self.stats) {
            let [rows, negative, neutral, positive, scored, compound] = sums;
            add.execute(params![group, span, bucket, rows, negative, neutral, positive, scored, compound])?;
            if rows < 0 {
                tidy.execute(params![group, span, bucket])?;
            }
        }
        Ok(())
    }
}

/// Changes in the order of their keys, which is that of the tree they go to, without those that come to nothing.
fn sorted<K: Ord + Hash + Eq, V: Default + PartialEq>(changes: &mut HashMap<K, V>) -> Vec<(K, V)> {
    let mut changes: Vec<(K, V)> = changes.drain().filter(|(_, change)| *change != V::default()).collect();
    changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    changes
}
