//! What a source begins with: paths made of what is wanted, or the folders to look into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use busta_core::{Error, Result, Split};
use chrono::NaiveDate;

use super::config::{Order, PeriodKey};
use super::layout::Discover;
use super::path::PathPattern;
use super::period::{self, Period};
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
            let listing = Listing { folder: String::new(), files_of: FilesOf::Any };
            Ok(vec![Work::List(listing).split(archive)?])
        }
        Discover::S3 { .. } | Discover::Html => {
            roots(archive).into_iter().map(|listing| Work::List(listing).split(archive)).collect()
        }
    }
}

/// All files that paths can be made for.
fn named(archive: &Archive) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    if let Some(pattern) = archive.patterns.get(&FilesOf::Any) {
        for values in products(archive, pattern) {
            objects.extend(object(archive, pattern, &values, None));
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
                    let pattern = if matches!(choice.first, Period::Day(_)) { days } else { months };
                    let Some(mut first) = some(pattern, choice.first) else { continue };
                    first.instead =
                        choice.instead.into_iter().filter_map(|period| some(days, period)).collect();
                    objects.push(first);
                }
            }
            (Some(days), _) => objects.extend(period::days(from, to).filter_map(|period| some(days, period))),
            (None, Some(months)) => {
                objects.extend(period::months(from, to).filter_map(|period| some(months, period)));
            }
            (None, None) => {}
        }
        if objects.len() > MOST_NAMED {
            return Err(Error::config(format!("more than {MOST_NAMED} files are asked for"))
                .hint("narrow `symbols`, `intervals`, `from` and `to`, or make several sources"));
        }
    }
    sort(&mut objects, archive.order);
    Ok(objects)
}

/// The file that a pattern names; `None` if it lacks a value or is not wanted.
fn object(
    archive: &Archive,
    pattern: &PathPattern,
    values: &BTreeMap<String, String>,
    period: Option<Period>,
) -> Option<Object> {
    let key = pattern.expand(|name| values.get(name).cloned(), period)?;
    archive.wanted.has_path(&key).then(|| Object {
        url: archive.url_of(&key),
        key,
        values: values.clone(),
        period,
        listed: Listed::default(),
        instead: Vec::new(),
    })
}

/// All combinations of the values that stand in a pattern, in the order of the configuration.
fn products(archive: &Archive, pattern: &PathPattern) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::new()];
    for name in pattern.values() {
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

/// Brings files into the order in which they are to be fetched.
pub fn sort(objects: &mut [Object], order: Order) {
    let start = |object: &Object| object.period.map_or(NaiveDate::MIN, Period::start);
    match order {
        Order::Oldest => objects.sort_by_key(start),
        Order::Newest => objects.sort_by_key(|object| std::cmp::Reverse(start(object))),
    }
}
