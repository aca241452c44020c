//! From counts to findings.

use busta_core::quality::{Finding, Level, SchemaQuality};
use chrono::{DateTime, Utc};

use super::field::FieldCheck;
use super::measure::{Check, Totals};
use super::rules::{Rules, TimeCheck};

/// Volume is not held against fewer earlier runs than this.
const ENOUGH_RUNS: usize = 3;

/// What there is to say about a stream. `past` are the record counts of its earlier runs.
pub fn findings(totals: &Totals, rules: &Rules, past: &[u64], now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (check, counted) in rules.fields.iter().zip(&totals.checks) {
        found.extend(completeness(check, counted, totals.looked_at));
        found.extend(validity(check, counted, totals.looked_at));
    }
    found.extend(uniqueness(totals, rules));
    for (rule, broken) in rules.relations.iter().zip(&totals.relations) {
        if broken.count > 0 {
            let example = broken.example.as_deref().unwrap_or_default();
            let message = format!("`{}` does not hold, first for {example}", rule.name);
            found.push(finding("consistency", rule.level, None, message, broken.count));
        }
    }
    schemas(totals, rules, &mut found);
    if let Some(check) = &rules.timeliness {
        timeliness(check, totals, now, &mut found);
    }
    volume(totals.records, rules, past, &mut found);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    found
}

fn finding(check: &str, level: Level, field: Option<&str>, message: String, count: u64) -> Finding {
    Finding { check: check.to_owned(), level, field: field.map(str::to_owned), message, count, fails: false }
}

/// Whether so many of all are more than is tolerated.
fn too_many(count: u64, of: u64, tolerance: f64) -> bool {
    count > 0 && count as f64 > of as f64 * tolerance
}

fn completeness(check: &FieldCheck, counted: &Check, of: u64) -> Option<Finding> {
    let rules = &check.rules;
    (rules.required && too_many(counted.missing, of, rules.tolerance)).then(|| {
        let message = format!("{} says nothing in {} of {of} records", check.path.name, counted.missing);
        finding("completeness", rules.level, Some(&check.path.name), message, counted.missing)
    })
}

fn validity(check: &FieldCheck, counted: &Check, of: u64) -> Option<Finding> {
    let (rules, invalid) = (&check.rules, &counted.invalid);
    too_many(invalid.count, of, rules.tolerance).then(|| {
        let example = invalid.example.as_deref().unwrap_or_default();
        let message =
            format!("{} is not valid in {} of {of} records: {example}", check.path.name, invalid.count);
        finding("validity", rules.level, Some(&check.path.name), message, invalid.count)
    })
}

fn schemas(totals: &Totals, rules: &Rules, found: &mut Vec<Finding>) {
    let Some(rules) = &rules.schemas else { return };
    let mut add = |message, count| found.push(finding("validity", rules.level, None, message, count));
    let held = |schema: &SchemaQuality| schema.valid + schema.invalid;
    if totals.records > 0 && totals.schemas.iter().all(|schema| held(schema) == 0) {
        add("no record was held against a schema: there is no `validate` among the transforms".into(), 0);
    }
    for schema in &totals.schemas {
        if too_many(schema.invalid, held(schema), rules.tolerance) {
            let most = schema.reasons.iter().max_by_key(|reason| reason.count);
            let most = most.map(|reason| format!(", mostly {}: {}", reason.rule, reason.example));
            let of = held(schema);
            let refused = format!("the schema {} refuses {} of {of} records", schema.schema, schema.invalid);
            add(refused + &most.unwrap_or_default(), schema.invalid);
        }
    }
}

fn uniqueness(totals: &Totals, rules: &Rules) -> Vec<Finding> {
    let names: Vec<_> = rules.key.fields.iter().map(|path| path.name.as_str()).collect();
    let names = names.join(", ");
    let keys = &totals.keys;
    let mut found = Vec::new();
    if keys.missing > 0 {
        let message = format!("{} records have no {names}, which is their key", keys.missing);
        found.push(finding("uniqueness", Level::Error, Some(&names), message, keys.missing));
    }
    if keys.repeated > 0 {
        let most = if keys.overflowed { ", among the first million keys" } else { "" };
        let message = format!("{} records repeat the {names} of another{most}", keys.repeated);
        found.push(finding("uniqueness", Level::Warning, Some(&names), message, keys.repeated));
    }
    found
}

fn timeliness(check: &TimeCheck, totals: &Totals, now: DateTime<Utc>, found: &mut Vec<Finding>) {
    let rules = &check.rules;
    let name = Some(rules.field.as_str());
    let Some(times) = &totals.times else { return };
    let Some(newest) = times.newest() else {
        if totals.looked_at > 0 {
            let message = format!("no record has a time in {}", rules.field);
            found.push(finding("timeliness", rules.level, name, message, totals.looked_at));
        }
        return;
    };
    if let Some(most) = rules.max_age
        && (now - newest).to_std().is_ok_and(|age| age > most.0)
    {
        let message = format!("the newest record is of {}, more than {most} ago", shown(newest));
        found.push(finding("timeliness", rules.level, name, message, 1));
    }
    if let Some(most) = rules.max_gap {
        let gaps = times.gaps(check.width);
        if let Some((after, before)) = gaps.longest {
            let message = format!(
                "no record for more than {most}, the longest from {} to {}",
                shown(after),
                shown(before)
            );
            found.push(finding("timeliness", rules.level, name, message, gaps.count));
        }
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn volume(records: u64, rules: &Rules, past: &[u64], found: &mut Vec<Finding>) {
    let Some(volume) = &rules.volume else { return };
    let mut add = |message: String| found.push(finding("volume", volume.level, None, message, records));
    if let Some(min) = volume.min.filter(|min| records < *min) {
        add(format!("{records} records, fewer than {min}"));
    }
    if let Some(max) = volume.max.filter(|max| records > *max) {
        add(format!("{records} records, more than {max}"));
    }
    if let (Some(change), Some(usual)) = (volume.change, median(past)) {
        let differs = (records as f64 - usual).abs();
        if differs > usual * change {
            add(format!("{records} records, where earlier runs brought about {usual}"));
        }
    }
}

fn median(past: &[u64]) -> Option<f64> {
    if past.len() < ENOUGH_RUNS {
        return None;
    }
    let mut sorted = past.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 {
        sorted[middle] as f64
    } else {
        (sorted[middle - 1] + sorted[middle]) as f64 / 2.0
    })
}
