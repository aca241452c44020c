//! Series of files, and which of their days a listing names.
//!
//! A folder tells of the series whose values stand in its path or are named by the operator, and of the time that its
//! path says: a year, a month, or all there is. What it names of that is there, be it a file or a folder with files; the
//! rest is missing. A manifest tells of everything.

use std::collections::BTreeMap;

use busta_core::{Result, Split};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::config::PeriodKey;
use super::layout::Discover;
use super::listing::Page;
use super::path::{Captured, PathPattern};
use super::period::{Month, Period};
use super::plan::named_series;
use super::settings::Archive;
use super::stretches::Stretches;
use super::wanted::Values;
use super::work::{FilesOf, Listing};

/// What the paths of a series say.
type Said = BTreeMap<String, String>;

/// The days of each series that a listing has named so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(Said, Stretches)>", into = "Vec<(Said, Stretches)>")]
pub struct Series(BTreeMap<Said, Stretches>);

impl From<Vec<(Said, Stretches)>> for Series {
    fn from(series: Vec<(Said, Stretches)>) -> Self {
        Self(series.into_iter().collect())
    }
}

impl From<Series> for Vec<(Said, Stretches)> {
    fn from(series: Series) -> Self {
        series.0.into_iter().collect()
    }
}

impl Series {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in what a page names.
    pub fn learn(&mut self, archive: &Archive, listing: &Listing, page: &Page) {
        let Some(pattern) = archive.told_by(listing) else { return };
        for values in archive.series_of(listing, pattern) {
            self.0.entry(values).or_default();
        }
        for entry in page.files.iter().filter(|entry| archive.wanted.has_path(&entry.key)) {
            if let Some(Captured { values, period: Some(period) }) = pattern.matches(&entry.key) {
                self.learn_file(archive, values, period);
            }
        }
        for folder in page.folders.iter().filter_map(|folder| pattern.matches_folder(folder)) {
            if let Some(time) = time_of(&folder).or_else(|| archive.time()) {
                self.learn_folder(&folder.values, time);
            }
        }
    }

    fn learn_file(&mut self, archive: &Archive, values: Said, period: Period) {
        if archive.tells_all() && archive.wanted.has_values(&values) {
            self.0.entry(values).or_default().insert(period);
        } else if let Some(seen) = self.0.get_mut(&values) {
            seen.insert(period);
        }
    }

    /// What a folder does not hold of the time that its path says, it tells itself.
    fn learn_folder(&mut self, said: &Said, time: (NaiveDate, NaiveDate)) {
        let is_in = |values: &Said| {
            values.iter().all(|(name, value)| said.get(name).is_none_or(|said| said == value))
        };
        for (_, seen) in self.0.iter_mut().filter(|(values, _)| is_in(values)) {
            seen.cover(time);
        }
    }

    /// Takes in that a month has a file, which is fetched in the place of those of its days.
    pub fn learn_month(&mut self, archive: &Archive, values: &Said, month: Month) {
        let period = Period::Month(month);
        if archive.wanted.has_period(period, archive.today(), false)
            && let Some(seen) = self.0.get_mut(values)
        {
            seen.insert(period);
        }
    }

    /// The splits that see to what a listing, which has come to its end, does not name.
    pub fn missing(&self, archive: &Archive, listing: &Listing) -> Result<Vec<Split>> {
        let folder = archive.told_by(listing).and_then(|pattern| pattern.matches_folder(&listing.folder));
        let time = folder.as_ref().and_then(time_of);
        let mut splits = Vec::new();
        for (values, seen) in &self.0 {
            splits.extend(archive.unlisted(values, seen, time)?);
        }
        Ok(splits)
    }
}

/// The time that the path of a folder says, from the first to the last day; `None` if it says nothing of it.
fn time_of(folder: &Captured) -> Option<(NaiveDate, NaiveDate)> {
    if let Some(period) = folder.period {
        return Some((period.start(), period.end().pred_opt()?));
    }
    let year = folder.values.get("year")?.parse().ok()?;
    Some((NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?))
}

impl Archive {
    /// The pattern of the files of which a listing tells whether they are there.
    fn told_by(&self, listing: &Listing) -> Option<&PathPattern> {
        let (files_of, _) = self.finest()?;
        let pattern = self.listed.get(&files_of)?;
        let is_told = self.tells_all() || (listing.files_of == files_of && self.is_told(files_of, pattern));
        is_told.then_some(pattern)
    }

    /// Whether one listing tells of all files.
    pub fn tells_all(&self) -> bool {
        matches!(self.discover, Discover::Manifest { .. })
    }

    /// Whether listings of folders tell which files of a pattern are missing: each folder has to know of which series
    /// and of which time it is, and the first folder of all when that begins.
    pub fn is_told(&self, files_of: FilesOf, pattern: &PathPattern) -> bool {
        // Which months there are is looked at for one series at a time.
        let is_one = files_of == FilesOf::Days
            && self.period == PeriodKey::Auto
            && self.patterns.contains_key(&FilesOf::Months);
        let is_named = |name: &str| !is_one && self.wanted.values.get(name).is_some_and(Values::are_fixed);
        pattern.narrows(is_named) && (self.wanted.from.is_some() || !pattern.has_dated_folders())
    }

    /// The series that a listing tells of, as far as they are known before it is read.
    fn series_of(&self, listing: &Listing, pattern: &PathPattern) -> Vec<Said> {
        let mut here = Said::new();
        if !self.tells_all() {
            let Some(folder) = pattern.matches_folder(&listing.folder) else { return Vec::new() };
            here = folder.values;
            // It is of the time, and no value, where there are months or days.
            here.remove("year");
        }
        named_series(self, pattern, here)
    }

    /// The time that is asked for, if it has a beginning.
    fn time(&self) -> Option<(NaiveDate, NaiveDate)> {
        Some((self.wanted.from?, self.wanted.last(self.today())))
    }
}
