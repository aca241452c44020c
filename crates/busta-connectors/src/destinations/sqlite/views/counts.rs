//! Sentiment over time, from the counts of hours and days.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use busta_core::Result;
use busta_core::reading::view::{Hours, MOST_GROUPS, Mood, SentimentQuery, SentimentStats};
use rusqlite::{Connection, params};

use super::super::lent::Reader;
use super::columns::Part;
use super::dictionary::ALL;
use super::layout::View;
use super::read::{Open, patient};
use super::tally::{DAY, HOUR};

/// Sums up, in the transaction that the reader is in.
pub fn sentiment(reader: &mut Reader, path: &Path, query: &SentimentQuery) -> Result<SentimentStats> {
    let open = Open::of(reader, path, &query.table, &[Part::Time, Part::Group, Part::Sentiment])?;
    patient(stats(reader.connection(), &open, query), path)
}

fn stats(connection: &Connection, open: &Open, query: &SentimentQuery) -> rusqlite::Result<SentimentStats> {
    let group = open.group(connection, query.group.as_deref())?;
    let counts = Counts::new(&open.view);
    let Hours { from, to, bucket } = query.hours;
    let mut series: HashMap<i64, Mood> = HashMap::new();
    if let Some(group) = group {
        let whole_days = [from, to, bucket].iter().all(|n| n.rem_euclid(DAY) == 0);
        let span = if whole_days { DAY } else { HOUR };
        let buckets = from.div_euclid(span)..to.div_euclid(span);
        counts.each(connection, group, span, buckets, |n, mood| {
            series.entry((n * span).div_euclid(bucket) * bucket).or_default().add(mood);
        })?;
    }
    let series: Vec<(i64, Mood)> =
        query.hours.buckets().map(|hour| (hour, series.remove(&hour).unwrap_or_default())).collect();
    let mut total = Mood::default();
    series.iter().for_each(|(_, mood)| total.add(mood));
    let groups = match (group, &query.group) {
        (None, _) => Vec::new(),
        (Some(_), Some(name)) => vec![(name.clone(), total)],
        (Some(_), None) => by_group(connection, &open.view, &counts, from..to)?,
    };
    Ok(SentimentStats {
        total,
        groups: groups.into_iter().filter(|(_, mood)| mood.records > 0).collect(),
        series,
    })
}

fn by_group(
    connection: &Connection,
    view: &View,
    counts: &Counts,
    hours: Range<i64>,
) -> rusqlite::Result<Vec<(String, Mood)>> {
    let sql = format!("SELECT id, name FROM {} WHERE id <> {ALL} AND n > 0", view.side("groups"));
    let mut statement = connection.prepare_cached(&sql)?;
    let groups: Vec<(u32, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut moods = Vec::with_capacity(groups.len());
    for (group, name) in groups {
        moods.push((name, counts.sum(connection, group, hours.clone())?));
    }
    moods.sort_by(|(a, x), (b, y)| y.records.cmp(&x.records).then_with(|| a.cmp(b)));
    moods.truncate(MOST_GROUPS);
    Ok(moods)
}

/// The fewest buckets that make up a stretch of hours, by their length: its days, and the hours before and after
/// them.
pub fn buckets(hours: Range<i64>) -> [(i64, Range<i64>); 3] {
    let days =
        hours.start.div_euclid(DAY) + i64::from(hours.start.rem_euclid(DAY) > 0)..hours.end.div_euclid(DAY);
    if days.is_empty() {
        return [(HOUR, hours), (DAY, 0..0), (HOUR, 0..0)];
    }
    let (before, after) = (hours.start..days.start * DAY, days.end * DAY..hours.end);
    [(HOUR, before), (DAY, days), (HOUR, after)]
}

/// Reads the counts of a view.
pub struct Counts(String);

impl Counts {
    pub fn new(view: &View) -> Self {
        Self(format!(
            "SELECT bucket, n, negative, neutral, positive, scored, compound FROM {}
             WHERE grp = ?1 AND span = ?2 AND bucket >= ?3 AND bucket < ?4",
            view.side("stats")
        ))
    }

    /// What there is of a group in some hours.
    pub fn sum(&self, connection: &Connection, group: u32, hours: Range<i64>) -> rusqlite::Result<Mood> {
        let mut sum = Mood::default();
        for (span, buckets) in buckets(hours) {
            if !buckets.is_empty() {
                self.each(connection, group, span, buckets, |_, mood| sum.add(mood))?;
            }
        }
        Ok(sum)
    }

    /// Calls `each` with the buckets of a length that there are, and what is in them.
    fn each(
        &self,
        connection: &Connection,
        group: u32,
        span: i64,
        buckets: Range<i64>,
        mut each: impl FnMut(i64, &Mood),
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&self.0)?;
        let mut rows = statement.query(params![group, span, buckets.start, buckets.end])?;
        while let Some(row) = rows.next()? {
            let count = |at: usize| row.get::<_, i64>(at).map(|count| count as u64);
            let mood = Mood {
                records: count(1)?,
                negative: count(2)?,
                neutral: count(3)?,
                positive: count(4)?,
                scored: count(5)?,
                compound_sum: row.get(6)?,
            };
            each(row.get(0)?, &mood);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_make_up_the_stretch(from in -200_i64..200, length in 0_i64..200) {
            let mut hours: Vec<i64> = Vec::new();
            for (span, buckets) in buckets(from..from + length) {
                prop_assert!(span == DAY || buckets.is_empty() || buckets.end - buckets.start < 2 * DAY);
                hours.extend(buckets.flat_map(|bucket| bucket * span..(bucket + 1) * span));
            }
            hours.sort_unstable();
            prop_assert_eq!(hours, (from..from + length).collect::<Vec<_>>());
        }
    }
}
