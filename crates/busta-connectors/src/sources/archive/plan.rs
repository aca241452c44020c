//! What a source begins with: paths made of what is wanted, or the folders to look into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use busta_core::{Error, Result, Split};
use chrono::NaiveDate;

use super::config::{Order, PeriodKey};
use super::layout::Discover;
use super::path::PathPattern;
use super::period::{self, Month, Period};
use super::settings::Archive;
use super::work::{FilesOf, Listed, Listing, Object, Work};

/// So many files are named without a listing. More would take long to plan and to look at.
const MOST_NAMED: usize = 1_000_000;

/// The splits that a run begins with.
pub fn splits(archive: &Archive) -> Result<Vec<Split>> {
    match &archive.discover {
        Discover::Template => {
            let objects = named(archive)?;
            archive.found.planned.store(objects.len() as u64, Ordering::Relaxed);
            objects.into_iter().map(|object| Work::Fetch(Box::new(object)).split(archive)).collect()
        }
        Discover::Manifest { .. } => {
            archive.found.folders.store(1, Ordering::Relaxed);
            let listing = Listing { folder: String::new(), files_of: FilesOf::Any };
            Ok(vec![Work::List(listing).split(archive)?])
        }
        Discover::S3 { .. } | Discover::Html => {
            let roots = roots(archive);
            archive.found.folders.store(roots.len() as i64, Ordering::Relaxed);
            roots.into_iter().map(|listing| Work::List(listing).split(archive)).collect()
        }
    }
}

/// All files that paths can be made for.
fn named(archive: &Archive) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    if let Some(pattern) = archive.patterns.get(&FilesOf::Any) {
        for values in products(archive, pattern) {
            objects.extend(object(archive, pattern, &values, None));
            check_count(objects.len())?;
        }
    }
    let (days, months) = (archive.patterns.get(&FilesOf::Days), archive.patterns.get(&FilesOf::Months));
    let today = archive.today();
    let from = archive.wanted.from.unwrap_or(today);
    let to = archive.wanted.last(today);
    for values in days.or(months).map(|pattern| products(archive, pattern)).unwrap_or_default() {
        let some = |pattern: &PathPattern, period| object(archive, pattern, &values, Some(period));
        match (days, months) {
            (Some(days), Some(months)) if archive.period == PeriodKey::Auto => {
                for choice in period::auto(from, to, today, None) {
                    let first = match choice.first {
                        Period::Month(_) => some(months, choice.first),
                        Period::Day(_) => some(days, choice.first),
                    };
                    match first {
                        Some(first) => objects.push(Object { or_days: !choice.instead.is_empty(), ..first }),
                        // A month that is not wanted has days that may be.
                        None => objects.extend(choice.instead.into_iter().filter_map(|day| some(days, day))),
                    }
                }
            }
            (Some(days), _) => objects.extend(period::days(from, to).filter_map(|period| some(days, period))),
            // Where there are no days, a month is wanted of which a part is.
            (None, Some(months)) => {
                let (first, last) = (Month::of(from).first_day(), Month::of(to).last_day());
                objects.extend(period::months(first, last).filter_map(|period| some(months, period)));
            }
            (None, None) => {}
        }
        check_count(objects.len())?;
    }
    sort(&mut objects, archive.order);
    Ok(objects)
}

fn check_count(files: usize) -> Result<()> {
    if files <= MOST_NAMED {
        return Ok(());
    }
    Err(Error::config(format!("more than {MOST_NAMED} files are asked for"))
        .hint("narrow `symbols`, `intervals`, `from` and `to`, or make several sources"))
}

/// The files of the days of a month that is not there.
pub fn days_of(archive: &Archive, object: &Object) -> Vec<Object> {
    let (Some(pattern), Some(Period::Month(month))) = (archive.patterns.get(&FilesOf::Days), object.period)
    else {
        return Vec::new();
    };
    let days = period::days(month.first_day(), month.last_day());
    days.filter_map(|day| self::object(archive, pattern, &object.values, Some(day))).collect()
}

/// The file that a pattern names; `None` if it lacks a value or is not wanted.
pub fn object(
    archive: &Archive,
    pattern: &PathPattern,
    values: &BTreeMap<String, String>,
    period: Option<Period>,
) -> Option<Object> {
    let key = pattern.expand(|name| values.get(name).cloned(), period)?;
    archive.wanted.has_path(&key).then(|| Object {
        url: None,
        key,
        values: values.clone(),
        period,
        listed: Listed::default(),
        or_days: false,
    })
}

/// All combinations of the values that stand in a pattern, in the order of the configuration.
fn products(archive: &Archive, pattern: &PathPattern) -> Vec<BTreeMap<String, String>> {
    products_with(archive, pattern, BTreeMap::new())
}

/// The same with those that are known already.
fn products_with(
    archive: &Archive,
    pattern: &PathPattern,
    known: BTreeMap<String, String>,
) -> Vec<BTreeMap<String, String>> {
    let names: Vec<&str> = pattern.values().filter(|name| !known.contains_key(*name)).collect();
    let mut all = vec![known];
    for name in names {
        let fixed = archive.wanted.values.get(name).filter(|values| values.are_fixed());
        let Some(fixed) = fixed else { break };
        all = fixed
            .fixed
            .iter()
            .flat_map(|value| {
                all.iter().map(move |values| {
                    let mut values = values.clone();
                    values.insert(name.to_owned(), value.clone());
                    values
                })
            })
            .collect();
    }
    all
}

/// The series whose values are all named, or known already.
pub fn named_series(
    archive: &Archive,
    pattern: &PathPattern,
    known: BTreeMap<String, String>,
) -> Vec<BTreeMap<String, String>> {
    let all = products_with(archive, pattern, known);
    all.into_iter().filter(|values| pattern.values().all(|name| values.contains_key(name))).collect()
}

/// The folders in which what is wanted lies, as far as names tell.
fn roots(archive: &Archive) -> Vec<Listing> {
    let mut roots = BTreeSet::new();
    for (files_of, pattern) in &archive.patterns {
        for values in products(archive, pattern) {
            roots.insert((folder_of(pattern, &values), *files_of));
        }
    }
    if archive.patterns.is_empty() {
        roots.insert((String::new(), FilesOf::Any));
    }
    roots.into_iter().map(|(folder, files_of)| Listing { folder, files_of }).collect()
}

/// The folder, with a slash at its end, in which all files of a pattern with these values lie.
pub fn folder_of(pattern: &PathPattern, values: &BTreeMap<String, String>) -> String {
    let prefix = pattern.prefix(|name| values.get(name).cloned());
    prefix.rfind('/').map_or_else(String::new, |slash| prefix[..=slash].to_owned())
}

/// What a file weighs in the engine's queue, where the heavier goes first: more for each day, if the newest are wanted
/// first. From 1 to 2, so that files do not overtake what takes longer.
pub fn weight(object: &Object, order: Order) -> f64 {
    /// About as many days as there are from 1970 until 2200.
    const DAYS: f64 = 84_000.0;
    match (order, object.period) {
        (Order::Newest, Some(period)) => {
            let days = (period.start() - NaiveDate::default()).num_days();
            1.0 + (days as f64 / DAYS).clamp(0.0, 1.0)
        }
        _ => 1.0,
    }
}

/// Brings files into the order in which they are to be fetched.
pub fn sort(objects: &mut [Object], order: Order) {
    let start = |object: &Object| object.period.map_or(NaiveDate::MIN, Period::start);
    match order {
        Order::Oldest => objects.sort_by_key(start),
        Order::Newest => objects.sort_by_key(|object| std::cmp::Reverse(start(object))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newer_goes_before_everything_older_if_that_is_wanted() {
        let of = |day: &str| Object {
            url: None,
            key: day.to_owned(),
            values: BTreeMap::new(),
            period: Some(Period::Day(day.parse().unwrap())),
            listed: Listed::default(),
            or_days: false,
        };
        let days = ["1969-05-01", "2017-08-17", "2024-01-01", "2024-01-02", "2199-12-31"];
        let weights = days.map(|day| weight(&of(day), Order::Newest));
        assert!(weights.windows(2).all(|two| two[0] < two[1]), "{weights:?}");
        // A day is to be told from the next one when a file takes a millisecond.
        assert!((weights[3] - weights[2]) * 1e6 > 1.0, "{weights:?}");
        assert!(days.iter().all(|day| weight(&of(day), Order::Oldest) == 1.0));
    }
}
