//! Which files are wanted: by what their paths say, their time, and globs.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::period::Period;
use crate::sources::api::problems::Problems;

/// The values of one name in paths that are wanted.
#[derive(Clone, Debug)]
pub struct Values {
    /// Those without a wildcard, in the order of the configuration.
    pub fixed: Vec<String>,
    globs: Option<GlobSet>,
}

impl Values {
    /// The values that `texts` name; all if there is none. Problems are told of `key`.
    pub fn new(key: &str, texts: &[String], problems: &mut Problems) -> Self {
        let is_glob = |text: &&String| text.contains(['*', '?', '[']);
        let (globs, mut fixed): (Vec<&String>, Vec<String>) = (
            texts.iter().filter(is_glob).collect(),
            texts.iter().filter(|text| !is_glob(text)).cloned().collect(),
        );
        let mut known = std::collections::HashSet::new();
        fixed.retain(|text| known.insert(text.clone()));
        let globs = if texts.is_empty() {
            all(problems)
        } else if globs.is_empty() {
            None
        } else {
            set(key, globs.into_iter(), problems)
        };
        Self { fixed, globs }
    }

    /// Whether all of them are named.
    pub fn are_fixed(&self) -> bool {
        self.globs.is_none()
    }

    /// The only one, if it is named.
    pub fn only(&self) -> Option<String> {
        match self.fixed.as_slice() {
            [only] if self.are_fixed() => Some(only.clone()),
            _ => None,
        }
    }

    fn has(&self, value: &str) -> bool {
        self.fixed.iter().any(|fixed| fixed == value)
            || self.globs.as_ref().is_some_and(|globs| globs.is_match(value))
    }
}

/// Which files are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The values of the names in paths.
    pub values: BTreeMap<String, Values>,
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day, if it is named.
    pub to: Option<NaiveDate>,
    /// Paths that are wanted; all if there is none.
    include: Option<GlobSet>,
    /// Paths that are not.
    exclude: Option<GlobSet>,
}

impl Wanted {
    /// What the keys `include` and `exclude` say, and the others as they are.
    pub fn new(
        values: BTreeMap<String, Values>,
        (from, to): (Option<NaiveDate>, Option<NaiveDate>),
        (include, exclude): (&[String], &[String]),
        problems: &mut Problems,
    ) -> Self {
        let mut some = |key: &str, globs: &[String]| {
            if globs.is_empty() { None } else { set(key, globs.iter(), problems) }
        };
        Self { values, from, to, include: some("include", include), exclude: some("exclude", exclude) }
    }

    /// Whether these values of a path are wanted.
    pub fn has_values(&self, values: &BTreeMap<String, String>) -> bool {
        values.iter().all(|(name, value)| self.values.get(name).is_none_or(|wanted| wanted.has(value)))
    }

    /// Whether a file of this period is: all of it lies in the time asked for, or at least a part if it is a month
    /// of which no file of days could be had.
    pub fn has_period(&self, period: Period, today: NaiveDate, in_part: bool) -> bool {
        let (from, to) = (self.from.unwrap_or(NaiveDate::MIN), self.last(today));
        let (start, last) = (period.start(), period.end().pred_opt().unwrap_or(NaiveDate::MAX));
        if in_part { start <= to && last >= from } else { start >= from && last <= to }
    }

    /// Whether a path is.
    pub fn has_path(&self, path: &str) -> bool {
        let is = |globs: &Option<GlobSet>| globs.as_ref().map(|globs| globs.is_match(path));
        is(&self.include).unwrap_or(true) && !is(&self.exclude).unwrap_or(false)
    }

    /// The last day: yesterday if none is named.
    pub fn last(&self, today: NaiveDate) -> NaiveDate {
        self.to.or(today.pred_opt()).unwrap_or(today)
    }
}

fn set<'a>(key: &str, globs: impl Iterator<Item = &'a String>, problems: &mut Problems) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for (index, text) in globs.enumerate() {
        // One without a slash is a glob of names, wherever they are.
        let anywhere = if text.contains('/') { text.clone() } else { format!("**/{text}") };
        match GlobBuilder::new(&anywhere).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
            }
            Err(error) => problems.within(key, Some(index), |p| p.add("", error.kind().to_string())),
        }
    }
    set.build().map_err(|error| problems.add(key, error.to_string())).ok()
}

fn all(problems: &mut Problems) -> Option<GlobSet> {
    let glob = Glob::new("*").map_err(|error| problems.add("", error.to_string())).ok()?;
    GlobSetBuilder::new().add(glob).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&str]) -> Values {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let mut problems = Problems::default();
        let values = Values::new("symbols", &texts, &mut problems);
        assert_eq!(problems.finish(), []);
        values
    }

    #[test]
    fn values_are_named_or_globs_or_all() {
        assert!(values(&[]).has("BTCUSDT") && !values(&[]).are_fixed());
        let some = values(&["BTCUSDT", "ETH*", "BTCUSDT"]);
        assert_eq!(some.fixed, ["BTCUSDT"]);
        assert!(some.has("BTCUSDT") && some.has("ETHBTC") && !some.has("BTCUSDC") && !some.are_fixed());
        assert!(values(&["A", "B"]).are_fixed());
    }

    #[test]
    fn globs_without_a_slash_are_of_names() {
        let mut problems = Problems::default();
        let (include, exclude) = (vec!["*.zip".to_owned(), "a/**/x.gz".to_owned()], vec!["b/*".to_owned()]);
        let wanted = Wanted::new(BTreeMap::new(), (None, None), (&include, &exclude), &mut problems);
        for (path, is) in
            [("x.zip", true), ("a/b/x.zip", true), ("a/x.gz", true), ("c/x.gz", false), ("b/x.zip", false)]
        {
            assert_eq!(wanted.has_path(path), is, "{path}");
        }
    }
}
