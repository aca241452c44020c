//! What views must say, computed from all rows each time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use busta_core::reading::view::{Hours, Label, Mood, SentimentQuery, SentimentStats, TrendingQuery};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// A row, and what is known of its score.
#[derive(Clone, Debug)]
pub struct Known {
    pub record: Value,
    pub loaded_at: i64,
    /// When its score was stored, and if it had another one before: when that was, and how much it has gained.
    seen_at: i64,
    since: Option<(i64, f64)>,
}

/// A table as it should be: by key.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub rows: BTreeMap<i64, Known>,
    pub stop: Option<&'static str>,
}

impl Oracle {
    /// Merges a record.
    pub fn merge(&mut self, record: &Value, now: DateTime<Utc>) {
        let now = now.timestamp_millis();
        let mut fresh = Known { record: record.clone(), loaded_at: now, seen_at: now, since: None };
        let id = record["id"].as_i64().unwrap();
        if let Some(old) = self.rows.get(&id) {
            if old.record == *record {
                return;
            }
            if time(&old.record).is_some() && time(record).is_some() {
                match (old.record["score"].as_f64(), record["score"].as_f64()) {
                    (Some(before), Some(now)) if before != now => {
                        fresh.since = Some((old.seen_at, now - before));
                    }
                    (before, now) if before == now => (fresh.seen_at, fresh.since) = (old.seen_at, old.since),
                    _ => {}
                }
            }
        }
        self.rows.insert(id, fresh);
    }

    /// The view is made anew: what it knew of earlier scores is lost.
    pub fn rebuild(&mut self) {
        for known in self.rows.values_mut() {
            (known.seen_at, known.since) = (known.loaded_at, None);
        }
    }

    /// The keys of the newest rows of a group, newest first; equally new ones in any order.
    pub fn recent(&self, group: Option<&str>, label: Option<Label>) -> Vec<(i64, i64)> {
        let wanted = |record: &&Value| {
            is_of(record, group) && label.is_none_or(|label| record["s_label"] == label.as_str())
        };
        let records = self.rows.values().map(|known| &known.record).filter(wanted);
        let mut found: Vec<(i64, i64)> =
            records.filter_map(|record| Some((time(record)?, record["id"].as_i64()?))).collect();
        found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        found
    }

    pub fn sentiment(&self, query: &SentimentQuery) -> SentimentStats {
        let Hours { from, to, bucket } = query.hours;
        let mut series: BTreeMap<i64, Mood> = query.hours.buckets().map(|b| (b, Mood::default())).collect();
        let mut groups: BTreeMap<String, Mood> = BTreeMap::new();
        let mut total = Mood::default();
        for record in self.rows.values().map(|known| &known.record) {
            let Some(hour) = time(record).map(|at| at.div_euclid(3_600_000)) else { continue };
            if !is_of(record, query.group.as_deref()) || !(from..to).contains(&hour) {
                continue;
            }
            let mood = mood(record);
            total.add(&mood);
            series.get_mut(&(hour.div_euclid(bucket) * bucket)).unwrap().add(&mood);
            if let Some(group) = record["group"].as_str() {
                groups.entry(group.to_owned()).or_default().add(&mood);
            }
        }
        let mut groups: Vec<(String, Mood)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, mood)| std::cmp::Reverse(mood.records));
        SentimentStats { total, groups, series: series.into_iter().collect() }
    }

    /// The velocity of each row that has one, by key.
    pub fn velocities(&self, query: &TrendingQuery) -> HashMap<i64, f64> {
        let window = query.hours.from * 3_600_000..query.hours.to * 3_600_000;
        let pace = |since: i64, gain: f64| {
            let hours = (query.now.timestamp_millis() - since) as f64 / 3_600_000.0;
            (window.contains(&since) && gain > 0.0).then_some(gain / hours.max(1.0))
        };
        let of_group = |known: &&Known| is_of(&known.record, query.group.as_deref());
        let fastest = |known: &Known| {
            let at = time(&known.record)?;
            let whole = known.record["score"].as_f64().and_then(|score| pace(at, score));
            let gained = known.since.and_then(|(since, gain)| pace(since, gain));
            let velocity = whole.into_iter().chain(gained).fold(0.0, f64::max);
            (velocity > 0.0).then_some((known.record["id"].as_i64()?, velocity))
        };
        self.rows.values().filter(of_group).filter_map(fastest).collect()
    }

    /// Terms with their count, what was to be expected, and growth; the most grown first.
    pub fn terms(&self, query: &TrendingQuery) -> Vec<(String, u64, f64, f64)> {
        let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        let mut rows = [0_u64; 2];
        for record in self.rows.values().map(|known| &known.record) {
            let Some(hour) = time(record).map(|at| at.div_euclid(3_600_000)) else { continue };
            if hour >= query.hours.to || !is_of(record, query.group.as_deref()) {
                continue;
            }
            let part = usize::from(hour < query.hours.from);
            rows[part] += 1;
            let texts = ["title", "body"].map(|field| record[field].as_str().unwrap_or_default());
            let words: BTreeSet<&str> = texts.iter().flat_map(|text| text.split(' ')).collect();
            for word in words.into_iter().filter(|word| !word.is_empty() && Some(*word) != self.stop) {
                counts.entry(word.to_owned()).or_default()[part] += 1;
            }
        }
        let mut terms = Vec::new();
        for (term, [count, past]) in counts {
            let before = if rows[1] == 0 { 0.0 } else { past as f64 / rows[1] as f64 * rows[0] as f64 };
            let growth = (count as f64 - before) / (before + 1.0).sqrt();
            if count >= 3 && growth > 0.0 {
                terms.push((term, count, before, growth));
            }
        }
        terms.sort_by(|a, b| b.3.total_cmp(&a.3).then(b.1.cmp(&a.1)).then(a.0.cmp(&b.0)));
        terms.truncate(query.limit);
        terms
    }
}

fn is_of(record: &Value, group: Option<&str>) -> bool {
    group.is_none_or(|group| record["group"] == group)
}

/// The records' times are numbers of seconds, numbers of milliseconds, or texts.
fn time(record: &Value) -> Option<i64> {
    match &record["at"] {
        Value::Number(n) if n.as_i64()? > 100_000_000_000 => n.as_i64(),
        Value::Number(n) => Some(n.as_i64()? * 1000),
        Value::String(text) => Some(text.parse::<DateTime<Utc>>().ok()?.timestamp_millis()),
        _ => None,
    }
}

fn mood(record: &Value) -> Mood {
    let is = |label: Label| u64::from(record["s_label"] == label.as_str());
    let compound = record["s_compound"].as_f64();
    Mood {
        records: 1,
        positive: is(Label::Positive),
        neutral: is(Label::Neutral),
        negative: is(Label::Negative),
        scored: u64::from(compound.is_some()),
        compound_sum: compound.map_or(0, |compound| (compound * 1e6).round() as i64),
    }
}
