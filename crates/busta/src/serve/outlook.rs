//! The views of tables: what their records say over time.

use std::collections::BTreeMap;
use std::time::Duration;

use busta_core::reading::RowPage;
use busta_core::reading::view::{self, Hours, Label, time_of};
use busta_core::{Error, Result};
use busta_server::model::{
    BucketMood, GroupMood, Length, Mood, RecentQuery, RisingRecord, RisingTerm, SentimentLabel,
    SentimentStats, StatsQuery, Trending, TrendingQuery,
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::data::{nothing, unless_missing};
use crate::config::Config;

/// What is looked at unless the request says otherwise.
const WINDOW: Duration = Duration::from_secs(24 * 3_600);
const BUCKET: Duration = Duration::from_secs(3_600);

/// The newest records.
pub async fn recent(config: &Config, name: Option<&str>, query: RecentQuery) -> Result<RowPage> {
    let query = view::RecentQuery {
        table: table(config, name)?,
        group: query.group,
        label: query.label.map(|label| match label {
            SentimentLabel::Positive => Label::Positive,
            SentimentLabel::Neutral => Label::Neutral,
            SentimentLabel::Negative => Label::Negative,
        }),
        text: query.q.filter(|text| !text.is_empty()),
        since: query.since,
        after: query.cursor,
        limit: query.limit.get(),
    };
    let mut missing = None;
    for built in &config.destinations {
        let page = built.destination.readable().recent(&query).await;
        if let Some(page) = unless_missing(page, &mut missing)? {
            return Ok(page);
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

/// Sentiment over time.
pub async fn sentiment(
    config: &Config,
    name: Option<&str>,
    query: StatsQuery,
    now: DateTime<Utc>,
) -> Result<SentimentStats> {
    let length = |length: Option<Length>, usual| length.map_or(usual, |Length(length)| length);
    let hours = Hours::ending(now, length(query.window, WINDOW), length(query.bucket, BUCKET))?;
    let query = view::SentimentQuery { table: table(config, name)?, group: query.group, hours };
    let mut missing = None;
    for built in &config.destinations {
        let stats = built.destination.readable().sentiment(&query).await;
        if let Some(stats) = unless_missing(stats, &mut missing)? {
            return Ok(stats_of(query, stats));
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

fn stats_of(query: view::SentimentQuery, stats: view::SentimentStats) -> SentimentStats {
    let group = |(group, sum): (String, view::Mood)| GroupMood { group, mood: mood(&sum) };
    let bucket = |(hour, sum): (i64, view::Mood)| BucketMood { at: time_of(hour), mood: mood(&sum) };
    SentimentStats {
        dataset: query.table,
        from: query.hours.start(),
        to: query.hours.end(),
        bucket_s: query.hours.bucket.unsigned_abs() * 3_600,
        total: mood(&stats.total),
        groups: stats.groups.into_iter().map(group).collect(),
        series: stats.series.into_iter().map(bucket).collect(),
    }
}

fn mood(sum: &view::Mood) -> Mood {
    Mood {
        records: sum.records,
        positive: sum.positive,
        neutral: sum.neutral,
        negative: sum.negative,
        compound_mean: sum.compound_mean(),
    }
}

/// What is trending.
pub async fn trending(
    config: &Config,
    name: Option<&str>,
    query: TrendingQuery,
    now: DateTime<Utc>,
) -> Result<Trending> {
    let window = query.window.map_or(WINDOW, |Length(length)| length);
    let query = view::TrendingQuery {
        table: table(config, name)?,
        group: query.group,
        hours: Hours::ending(now, window, BUCKET)?,
        now,
        limit: query.limit.get(),
    };
    let mut missing = None;
    for built in &config.destinations {
        let found = built.destination.readable().trending(&query).await;
        if let Some(found) = unless_missing(found, &mut missing)? {
            return trending_of(query, &found);
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

fn trending_of(query: view::TrendingQuery, found: &view::Trending) -> Result<Trending> {
    let broken = |error| Error::bug(format!("a record is not JSON: {error}"));
    let record = |(record, velocity): (&[u8], &f64)| {
        let record: &RawValue = serde_json::from_slice(record).map_err(broken)?;
        Ok(RisingRecord { velocity: *velocity, record: record.to_owned() })
    };
    let term = |term: &view::TrendingTerm| RisingTerm {
        term: term.term.clone(),
        count: term.count,
        before: term.before,
        growth: term.growth,
    };
    Ok(Trending {
        dataset: query.table,
        from: query.hours.start(),
        to: query.hours.end(),
        records: found.records.iter().zip(&found.velocities).map(record).collect::<Result<_>>()?,
        terms: found.terms.iter().map(term).collect(),
    })
}

/// The table that is asked about: the one whose view is the default, or the only one, if none is named.
fn table(config: &Config, name: Option<&str>) -> Result<String> {
    if let Some(name) = name {
        return Ok(name.to_owned());
    }
    let streams = config.sources.iter().flat_map(|source| source.source.streams());
    let views = streams.filter_map(|stream| Some((stream.table.as_str(), stream.dataset.view.as_ref()?)));
    let views: BTreeMap<&str, bool> = views.map(|(table, view)| (table, view.default)).collect();
    let usual =
        views.iter().find(|(_, usual)| **usual).or_else(|| views.iter().next().filter(|_| views.len() == 1));
    match usual {
        Some((table, _)) => Ok((*table).to_owned()),
        None if views.is_empty() => Err(Error::not_found("no dataset has a view")
            .hint("give one a view: `datasets: { TABLE: { view: { time: … } } }`")),
        None => {
            let tables: Vec<&str> = views.into_keys().collect();
            Err(Error::not_found("several datasets have a view, and none of them is the default").hint(
                format!("set `default: true` in one of them ({}), or name it in the path", tables.join(", ")),
            ))
        }
    }
}
