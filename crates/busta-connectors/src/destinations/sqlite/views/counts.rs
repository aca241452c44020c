//! Sentiment over time, from the counts of hours and days.

use std::collections::HashMap;
use std::path::Path;

use busta_core::Result;
use busta_core::reading::view::{Hours, Label, MOST_GROUPS, Mood, SentimentQuery, SentimentStats};
use rusqlite::Connection;

use super::super::lent::Reader;
use super::dictionary::ALL;
use super::layout::View;
use super::read::{Open, patient};
use super::tally::{DAY, HOUR, label};

/// Sums up, in the transaction that the reader is in.
pub fn sentiment(reader: &mut Reader, path: &Path, query: &SentimentQuery) -> Result<SentimentStats> {
    let open = Open::of(reader, path, &query.table)?;
    patient(stats(reader.connection(), &open, query), path)
}

fn stats(connection: &Connection, open: &Open, query: &SentimentQuery) -> rusqlite::Result<SentimentStats> {
    let group = open.group(connection, query.group.as_deref())?;
    let counts = Counts::new(&open.view, query.hours);
    let mut series: HashMap<i64, Mood> = HashMap::new();
    if let Some(group) = group {
        let step = query.hours.bucket;
        counts.each(connection, group, |hour, mood| {
            series.entry(hour.div_euclid(step) * step).or_default().add(mood);
        })?;
    }
    let series: Vec<(i64, Mood)> =
        query.hours.buckets().map(|hour| (hour, series.remove(&hour).unwrap_or_default())).collect();
    let mut total = Mood::default();
    series.iter().for_each(|(_, mood)| total.add(mood));
    let groups = match (group, &query.group) {
        (None, _) => Vec::new(),
        (Some(_), Some(name)) => vec![(name.clone(), total)],
        (Some(_), None) => by_group(connection, &open.view, &counts)?,
    };
    Ok(SentimentStats {
        total,
        groups: groups.into_iter().filter(|(_, mood)| mood.records > 0).collect(),
        series,
    })
}

fn by_group(connection: &Connection, view: &View, counts: &Counts) -> rusqlite::Result<Vec<(String, Mood)>> {
    let sql = format!("SELECT id, name FROM {} WHERE id <> {ALL} AND n > 0", view.side("groups"));
    let mut statement = connection.prepare_cached(&sql)?;
    let groups: Vec<(i64, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut moods = Vec::with_capacity(groups.len());
    for (group, name) in groups {
        let mut mood = Mood::default();
        counts.each(connection, group, |_, part| mood.add(part))?;
        moods.push((name, mood));
    }
    moods.sort_by(|(a, x), (b, y)| y.records.cmp(&x.records).then_with(|| a.cmp(b)));
    moods.truncate(MOST_GROUPS);
    Ok(moods)
}

/// The counts of a stretch of time: those of days where its buckets are made of whole days.
pub struct Counts {
    sql: String,
    hours: Hours,
    span: i64,
}

impl Counts {
    pub fn new(view: &View, hours: Hours) -> Self {
        let whole_days = [hours.from, hours.to, hours.bucket].iter().all(|n| n.rem_euclid(DAY) == 0);
        let sql = format!(
            "SELECT bucket, label, n, scored, compound FROM {}
             WHERE grp = ?1 AND span = ?2 AND bucket >= ?3 AND bucket < ?4",
            view.side("stats")
        );
        Self { sql, hours, span: if whole_days { DAY } else { HOUR } }
    }

    /// Calls `each` with the first hour of a count, and the count.
    pub fn each(
        &self,
        connection: &Connection,
        group: i64,
        mut each: impl FnMut(i64, &Mood),
    ) -> rusqlite::Result<()> {
        let Self { hours, span, .. } = self;
        let mut statement = connection.prepare_cached(&self.sql)?;
        let mut rows =
            statement.query([group, *span, hours.from.div_euclid(*span), hours.to.div_euclid(*span)])?;
        while let Some(row) = rows.next()? {
            let records: i64 = row.get(2)?;
            let records = records as u64;
            let mut mood = Mood {
                records,
                scored: row.get::<_, i64>(3)? as u64,
                compound_sum: row.get(4)?,
                ..Mood::default()
            };
            match label(row.get(1)?) {
                Some(Label::Positive) => mood.positive = records,
                Some(Label::Neutral) => mood.neutral = records,
                Some(Label::Negative) => mood.negative = records,
                None => {}
            }
            each(row.get::<_, i64>(0)? * span, &mood);
        }
        Ok(())
    }
}
