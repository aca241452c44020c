//! The paths of files, and which of them are wanted.

use std::collections::{BTreeMap, BTreeSet};

use busta_core::WriteMode;

use super::super::check;
use super::super::config::{ArchiveConfig, PeriodKey};
use super::super::layout::{DataType, Table};
use super::super::path::PathPattern;
use super::super::wanted::{Values, Wanted};
use super::super::work::FilesOf;
use crate::sources::api::problems::Problems;

/// The paths of files, by the time they hold.
pub(super) type Patterns = BTreeMap<FilesOf, PathPattern>;

/// The paths of a data type that hold the periods asked for.
pub(super) fn patterns(data: &DataType, period: PeriodKey, problems: &mut Problems) -> Patterns {
    let all = [(FilesOf::Days, &data.daily), (FilesOf::Months, &data.monthly), (FilesOf::Any, &data.files)];
    let is_asked = |of: FilesOf| match period {
        PeriodKey::Auto => true,
        PeriodKey::Daily => of != FilesOf::Months,
        PeriodKey::Monthly => of != FilesOf::Days,
    };
    let (mut patterns, mut is_broken) = (BTreeMap::new(), false);
    for (of, text) in all {
        let Some(text) = text.as_ref().filter(|_| is_asked(of)) else { continue };
        match PathPattern::parse(text) {
            Ok(pattern) if !of.has(pattern.grain()) => {
                is_broken = true;
                problems.add("layout", format!("the path `{text}` of `{}` {}", data.name, of.lacks()));
            }
            Ok(pattern) => {
                patterns.insert(of, pattern);
            }
            Err(why) => {
                is_broken = true;
                problems.add("layout", format!("the path `{text}` of `{}` {why}", data.name));
            }
        }
    }
    let has_any = data.daily.is_some() || data.monthly.is_some() || data.files.is_some();
    if has_any && patterns.is_empty() && !is_broken {
        let (is, not) = if period == PeriodKey::Daily { ("months", "daily") } else { ("days", "monthly") };
        problems.add("period", format!("cannot be {not}: `{}` comes in {is} only", data.name));
        // The others are checked with the paths that there are.
        return self::patterns(data, PeriodKey::Auto, problems);
    }
    patterns
}

/// Which files the operator wants.
pub(super) fn wanted(
    config: &ArchiveConfig,
    data: &DataType,
    (patterns, members): (&Patterns, Option<&PathPattern>),
    problems: &mut Problems,
) -> Wanted {
    let mut values = BTreeMap::new();
    let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    values.insert("market".to_owned(), Values::new("market", &one(&config.market), problems));
    values
        .insert("data_type".to_owned(), Values::new("data_type", std::slice::from_ref(&data.name), problems));
    values.insert("symbol".to_owned(), Values::new("symbols", &config.symbols.0, problems));
    values.insert("interval".to_owned(), Values::new("intervals", &config.intervals.0, problems));
    let is_used = |name: &str| {
        patterns.values().chain(members).any(|pattern| pattern.values().any(|value| value == name))
    };
    for (name, texts) in &config.values {
        if !is_used(name) {
            problems.within("values", None, |p| p.add(name, "stands in no path of this data type"));
        }
        values.insert(name.clone(), Values::new("values", &texts.0, problems));
    }
    for (key, name, texts) in
        [("symbols", "symbol", &config.symbols.0), ("intervals", "interval", &config.intervals.0)]
    {
        if !texts.is_empty() && !is_used(name) {
            problems.add(key, format!("cannot choose: no path of `{}` has `{{{name}}}`", data.name));
        }
    }
    check_intervals(&config.intervals.0, data, problems);
    if let (Some(from), Some(to)) = (config.from, config.to)
        && from > to
    {
        problems.add("to", "is before `from`");
    }
    Wanted::new(values, (config.from, config.to), (&config.include, &config.exclude), problems)
}

/// Intervals that a data type does not come in.
fn check_intervals(asked: &[String], data: &DataType, problems: &mut Problems) {
    let is_none =
        |text: &String| !text.contains(['*', '?', '[']) && !data.intervals.iter().any(|known| known == text);
    for (at, text) in asked.iter().enumerate().filter(|(_, text)| !data.intervals.is_empty() && is_none(text))
    {
        let known = data.intervals.join(", ");
        problems.within("intervals", Some(at), |p| {
            p.add("", format!("`{text}` is none that `{}` comes in: {known}", data.name));
        });
    }
}

/// The patterns with the values put in of which there is only one.
pub(super) fn listed(patterns: &Patterns, wanted: &Wanted) -> Patterns {
    let only = |name: &str| wanted.values.get(name).and_then(Values::only);
    patterns.iter().map(|(of, pattern)| (*of, pattern.with(only))).collect()
}

/// What paths can only be made of.
pub(super) fn check_template(
    wanted: &Wanted,
    patterns: &BTreeMap<FilesOf, PathPattern>,
    problems: &mut Problems,
) {
    if patterns.is_empty() {
        problems.add("discover", "is needed: the layout has no paths to make names of");
    }
    let names: BTreeSet<&str> = patterns.values().flat_map(PathPattern::values).collect();
    for name in names {
        if wanted.values.get(name).is_some_and(Values::are_fixed) {
            continue;
        }
        match name {
            "symbol" => problems.add("symbols", "has to name them all, where files are not listed"),
            "interval" => problems.add("intervals", "has to name them all, where files are not listed"),
            "market" => problems.add("market", "is missing"),
            _ => problems
                .within("values", None, |p| p.add(name, "has to be named, where files are not listed")),
        }
    }
    let has_time = patterns.keys().any(|of| *of != FilesOf::Any);
    if has_time && wanted.from.is_none() {
        problems.add("from", "is missing: the first day");
    }
}

/// A month that comes after its days must find their rows.
pub(super) fn check_periods(
    config: &ArchiveConfig,
    patterns: &Patterns,
    table: Option<&Table>,
    problems: &mut Problems,
) {
    let appends = config.write_mode == Some(WriteMode::Append);
    let stays = table.is_some_and(|table| appends || table.primary_key.is_empty());
    let has_both = patterns.contains_key(&FilesOf::Days) && patterns.contains_key(&FilesOf::Months);
    if has_both && config.period == PeriodKey::Auto && stays {
        problems.add(
            "period",
            "has to be `daily` or `monthly`: these rows have no primary key, or are appended, so those of a month \
             would come beside those of its days",
        );
    }
}

/// What is wrong with a table of a layout.
pub(super) fn check_table(name: &str, table: Option<&Table>, patterns: &Patterns, problems: &mut Problems) {
    let Some(table) = table else { return };
    let values = patterns.values().flat_map(PathPattern::values).collect();
    for (place, clause) in check::problems(table, &values) {
        problems.add("layout", format!("the table of `{name}`: {place} {clause}"));
    }
}
