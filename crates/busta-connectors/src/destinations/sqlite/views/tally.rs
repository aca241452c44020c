//! What rows add to the counts of a view and take from them, gathered for many rows and written at once.

use std::collections::HashMap;
use std::hash::Hash;

use busta_core::reading::view::Label;
use rusqlite::{Connection, params, params_from_iter};

use super::dictionary::ALL;
use super::layout::View;

/// Lengths of buckets, in hours.
pub const HOUR: i64 = 1;
pub const DAY: i64 = 24;

/// The label of rows without one.
const NO_LABEL: i64 = 2;

/// So many entries are gathered at most: some ten megabytes.
const MOST: usize = 100_000;

/// What one row counts for.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub hour: i64,
    pub group: Option<i64>,
    pub label: Option<Label>,
    pub compound: Option<i64>,
    /// Numbers, in order.
    pub terms: Vec<i64>,
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

/// The label of a number.
pub fn label(code: i64) -> Option<Label> {
    Label::ALL.into_iter().find(|label| self::code(Some(*label)) == code)
}

/// Group, length of bucket, bucket, label.
type StatKey = (i64, i64, i64, i64);

/// Changes of counts.
#[derive(Default)]
pub struct Tally {
    groups: HashMap<i64, i64>,
    /// Rows, those with a score, and the sum of their scores.
    stats: HashMap<StatKey, [i64; 3]>,
    /// By group and term.
    totals: HashMap<(i64, i64), i64>,
    /// By hour, group and term.
    hours: HashMap<(i64, i64, i64), i64>,
}

impl Tally {
    /// Adds a row, or takes one away with a `sign` of -1. Terms are counted by hour from `hours_from` on.
    pub fn count(&mut self, part: &Part, sign: i64, hours_from: i64) {
        let scored = i64::from(part.compound.is_some());
        let counts = [1, scored, part.compound.unwrap_or(0)].map(|count| sign * count);
        for group in [Some(ALL), part.group].into_iter().flatten() {
            *self.groups.entry(group).or_default() += sign;
            for span in [HOUR, DAY] {
                let key = (group, span, part.hour.div_euclid(span), code(part.label));
                let sums = self.stats.entry(key).or_default();
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += count;
                }
            }
            for &term in &part.terms {
                *self.totals.entry((group, term)).or_default() += sign;
                if part.hour >= hours_from {
                    *self.hours.entry((part.hour, group, term)).or_default() += sign;
                }
            }
        }
    }

    /// Whether it should be written before more is gathered.
    pub fn is_full(&self) -> bool {
        self.stats.len() + self.totals.len() + self.hours.len() > MOST
    }

    /// Writes the changes and is empty again. Counts that come to nothing are removed, and so is a term that no
    /// row has.
    pub fn write(&mut self, connection: &Connection, view: &View) -> rusqlite::Result<()> {
        let groups = format!("UPDATE {} SET n = n + ?2 WHERE id = ?1", view.side("groups"));
        for (group, change) in self.groups.drain() {
            connection.prepare_cached(&groups)?.execute([group, change])?;
        }
        self.write_stats(connection, view)?;
        let gone = Counts::new(view, "totals", &["grp", "term"]).write(
            connection,
            sorted(&mut self.totals),
            |(group, term)| [*group, *term],
        )?;
        let forget = format!("DELETE FROM {} WHERE id = ?1", view.side("terms"));
        for [_, term] in gone.into_iter().filter(|[group, _]| *group == ALL) {
            connection.prepare_cached(&forget)?.execute([term])?;
        }
        Counts::new(view, "hours", &["hour", "grp", "term"]).write(
            connection,
            sorted(&mut self.hours),
            |(hour, group, term)| [*hour, *group, *term],
        )?;
        Ok(())
    }

    fn write_stats(&mut self, connection: &Connection, view: &View) -> rusqlite::Result<()> {
        let stats = view.side("stats");
        let add = format!(
            "INSERT INTO {stats} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET
             n = n + excluded.n, scored = scored + excluded.scored, compound = compound + excluded.compound"
        );
        let tidy = format!(
            "DELETE FROM {stats} WHERE grp = ?1 AND span = ?2 AND bucket = ?3 AND label = ?4 AND n = 0"
        );
        for ((group, span, bucket, label), [rows, scored, compound]) in sorted(&mut self.stats) {
            connection
                .prepare_cached(&add)?
                .execute(params![group, span, bucket, label, rows, scored, compound])?;
            if rows < 0 {
                connection.prepare_cached(&tidy)?.execute([group, span, bucket, label])?;
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

/// A table of plain counts.
struct Counts {
    add: String,
    tidy: String,
}

impl Counts {
    fn new(view: &View, what: &str, key: &[&str]) -> Self {
        let table = view.side(what);
        let places: Vec<String> = (1..=key.len() + 1).map(|n| format!("?{n}")).collect();
        let same: Vec<String> =
            key.iter().zip(&places).map(|(name, place)| format!("{name} = {place}")).collect();
        Self {
            add: format!(
                "INSERT INTO {table} VALUES ({}) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                places.join(", ")
            ),
            tidy: format!("DELETE FROM {table} WHERE {} AND n = 0", same.join(" AND ")),
        }
    }

    /// Writes changes; the keys whose count came to nothing.
    fn write<K, const N: usize>(
        &self,
        connection: &Connection,
        changes: Vec<(K, i64)>,
        parts: impl Fn(&K) -> [i64; N],
    ) -> rusqlite::Result<Vec<[i64; N]>> {
        let mut add = connection.prepare_cached(&self.add)?;
        let mut tidy = connection.prepare_cached(&self.tidy)?;
        let mut gone = Vec::new();
        for (key, change) in changes {
            let key = parts(&key);
            add.execute(params_from_iter(key.iter().chain([&change])))?;
            if change < 0 && tidy.execute(params_from_iter(key))? > 0 {
                gone.push(key);
            }
        }
        Ok(gone)
    }
}
