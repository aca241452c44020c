//! Files that are asked for and not there: whether a history is complete.
//!
//! The report of a run tells how many they are and of which time ([`Gaps`]), and the table of files has a record for
//! each, with `missing`, until its file comes; or each is a failure, if the operator says so. Where paths are made, an
//! answer tells that a file is not there; else those are missing that no listing names (`series`), and are asked for only
//! if they must be there. A start cursor keeps which records there are, so that each is made once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use busta_core::report::{Gap, Gaps};
use busta_core::{Batch, Checkpoint, Cursor, Error, Reader, Records, RecordsBuilder, Result, Split};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Missing;
use super::fetch::fields;
use super::layout::Discover;
use super::path::PathPattern;
use super::period::{self, Month, Period};
use super::plan;
use super::settings::Archive;
use super::stretches::Stretches;
use super::work::{FilesOf, Object, Work};
use crate::http::shown_url;

/// What stands before the path in the key of a start cursor.
const KEY: &str = "missing:";

/// So many gaps are told one by one; all of them are counted.
const TOLD: usize = 100;

/// So many records make a batch.
const BATCH: usize = 4096;

/// Files of one series that are not there, or that are not missed any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Absent {
    /// What their paths say.
    pub values: BTreeMap<String, String>,
    /// Files of days or of months.
    pub files_of: FilesOf,
    /// Their time, from the first to the last day.
    pub stretches: Vec<(NaiveDate, NaiveDate)>,
    /// The path of the file of a month that holds what they would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// A file that was recorded as missing.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recorded {
    series: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    /// What has come was refused, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// When its path was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<NaiveDate>,
}

/// What a source knows to be missing.
#[derive(Default)]
pub struct Missed(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The paths that have a record which says so.
    recorded: HashMap<String, Recorded>,
    /// What was missed in this run, by series.
    now: BTreeMap<String, Periods>,
}

/// The periods of a series that are not there, and whether what came of them was refused.
type Periods = BTreeMap<Option<Period>, bool>;

impl Missed {
    /// A run begins, or goes on.
    pub fn begin(&self, from: &Checkpoint) {
        let recorded = from.starts.with_prefix(KEY).filter_map(|(key, cursor)| {
            let recorded: Option<Recorded> = cursor.decode().ok()?;
            Some((key.strip_prefix(KEY)?.to_owned(), recorded?))
        });
        let mut known = Known { recorded: recorded.collect(), now: BTreeMap::new() };
        // What a run that goes on has looked for is not looked for again.
        if !from.splits.is_empty() {
            for Recorded { series, period, refused, .. } in known.recorded.values() {
                known.now.entry(series.clone()).or_default().insert(*period, refused.is_some());
            }
        }
        *self.known() = known;
    }

    /// Notes that a file is not there; whether that has to be recorded.
    fn note(&self, path: &str, recorded: Recorded) -> bool {
        let mut known = self.known();
        let Recorded { series, period, refused, .. } = recorded;
        known.now.entry(series).or_default().insert(period, refused.is_some());
        known.recorded.get(path).is_none_or(|recorded| recorded.refused != refused)
    }

    /// When a file was last asked for that was not there; `None` if it was there, or nobody has asked.
    pub fn asked(&self, path: &str) -> Option<NaiveDate> {
        self.known().recorded.get(path).filter(|recorded| recorded.refused.is_none())?.asked
    }

    /// Notes that a file is there; whether it was recorded as missing.
    fn note_found(&self, path: &str) -> bool {
        let mut known = self.known();
        let Some(Recorded { series, period, .. }) = known.recorded.get(path).cloned() else { return false };
        if let Some(periods) = known.now.get_mut(&series) {
            periods.remove(&period);
        }
        true
    }

    fn gaps(&self) -> Gaps {
        let known = self.known();
        let mut gaps = Gaps::default();
        for (series, periods) in &known.now {
            gaps.files += periods.len() as u64;
            for gap in joined(series, periods) {
                if gaps.gaps.len() < TOLD {
                    gaps.gaps.push(gap);
                }
            }
        }
        gaps
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Periods that follow one another and lack for the same reason, as one gap.
fn joined(series: &str, periods: &Periods) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for (period, &refused) in periods {
        let time = period.map(|period| (period.start(), period.end().pred_opt().unwrap_or(NaiveDate::MAX)));
        match (gaps.last_mut().and_then(|gap| Some((gap.to?.succ_opt()?, gap))), time) {
            (Some((next, gap)), Some((first, last))) if first == next && gap.refused == refused => {
                gap.to = Some(last);
                gap.files += 1;
            }
            _ => gaps.push(Gap {
                of: series.to_owned(),
                from: time.map(|(first, _)| first),
                to: time.map(|(_, last)| last),
                files: 1,
                refused,
            }),
        }
    }
    gaps
}

impl Object {
    /// What it is a file of: `BTCUSDT 1h`.
    fn series(&self) -> String {
        let first = ["symbol", "interval"];
        let named = first.iter().filter_map(|name| self.values.get(*name));
        // A source is of one market and of one kind of data.
        let said = ["market", "data_type", first[0], first[1]];
        let others = self.values.iter().filter(|(name, _)| !said.contains(&name.as_str()));
        let words: Vec<&str> = named.chain(others.map(|(_, value)| value)).map(String::as_str).collect();
        if self.period.is_none() { self.key.clone() } else { words.join(" ") }
    }

    fn recorded(&self, refused: Option<&str>, asked: Option<NaiveDate>) -> Recorded {
        let refused = refused.map(str::to_owned);
        Recorded { series: self.series(), period: self.period, refused, asked }
    }
}

impl Archive {
    /// What is missing; `None` if that cannot be told, as no listing knows which files there should be.
    pub fn gaps(&self) -> Option<Gaps> {
        let can_tell = match &self.discover {
            Discover::Template => true,
            Discover::Manifest { .. } => self.finest().is_some(),
            Discover::S3 { .. } | Discover::Html => self.finest().is_some_and(|(files_of, _)| {
                self.listed.get(&files_of).is_some_and(|pattern| self.is_told(files_of, pattern))
            }),
        };
        can_tell.then(|| self.missed.gaps())
    }

    /// The record of a file that is not there, and its start cursor; nothing if there is one, or its time is not over.
    /// If it was `refused` it has come, and is not what it should be.
    pub fn absent(
        &self,
        object: &Object,
        refused: Option<&str>,
    ) -> Result<Option<(Records, (String, Cursor))>> {
        let path = self.path_of(&object.key);
        let is_over = object.period.is_none_or(|period| period.end() <= self.today());
        if !(is_over || refused.is_some()) {
            return Ok(None);
        }
        let (why, mut records) = (Why { refused, ..Why::default() }, RecordsBuilder::default());
        let asked = Some(self.today());
        if self.missed.note(&path, object.recorded(refused, asked)) {
            let start = self.push(&mut records, object, why)?;
            return Ok(Some((records.finish(), start)));
        }
        if refused.is_some() || self.missed.asked(&path) == asked {
            return Ok(None);
        }
        Ok(Some((records.finish(), start(&path, Some(object.recorded(None, asked)))?)))
    }

    /// Whether a file that is not there was so when it was long over, and was asked for not so long ago: as `recheck`
    /// says for those that are there.
    pub fn is_known_absent(&self, object: &Object) -> bool {
        let (Some(recheck), Some(period)) = (self.recheck, object.period) else { return false };
        let Some(asked) = self.missed.asked(&self.path_of(&object.key)) else { return false };
        let age = TimeDelta::from_std(recheck.0).unwrap_or(TimeDelta::MAX);
        let is_long_over = asked.checked_sub_signed(age).is_some_and(|last| period.end() <= last);
        is_long_over && asked.checked_add_signed(age).is_none_or(|again| self.today() < again)
    }

    /// A file is there: what follows of it for those that were missed.
    pub fn arrived(&self, object: &Object, batch: &mut Batch) -> Result<()> {
        let path = self.path_of(&object.key);
        if self.missed.note_found(&path) {
            batch.starts.push(start(&path, None)?);
        }
        let mut days = Stretches::default();
        for day in plan::days_of(self, object) {
            if self.missed.note_found(&self.path_of(&day.key))
                && let Some(period) = day.period
            {
                days.insert(period);
            }
        }
        if !days.is_empty() {
            let absent = Absent {
                values: object.values.clone(),
                files_of: FilesOf::Days,
                stretches: days.into_inner(),
                instead: Some(path),
            };
            batch.found.push(Work::Absent(absent).split(self)?);
        }
        Ok(())
    }

    /// The files of a series that a listing, which is complete, does not name: the split that records those that are not
    /// recorded; or, if they must be there, the splits that ask for them. `seen` are the days of those that it does, and
    /// `time` is that which it is about, if not all.
    pub fn unlisted(
        &self,
        values: &BTreeMap<String, String>,
        seen: &Stretches,
        time: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<Vec<Split>> {
        let Some((files_of, _)) = self.finest() else { return Ok(Vec::new()) };
        let Some((mut from, mut to)) = self.asked_for(files_of, seen) else { return Ok(Vec::new()) };
        if let Some((first, last)) = time {
            (from, to) = (from.max(first), to.min(last));
        }
        let absent =
            Absent { values: values.clone(), files_of, stretches: seen.gaps(from, to), instead: None };
        if self.missing == Missing::Fail {
            return absent.files(self).map(|object| Work::Fetch(Box::new(object)).split(self)).collect();
        }
        let mut is_new = false;
        for object in absent.files(self) {
            is_new |= self.missed.note(&self.path_of(&object.key), object.recorded(None, None));
        }
        is_new.then(|| Work::Absent(absent).split(self)).into_iter().collect()
    }

    /// Whether an earlier run has left the file.
    fn has_fetched(&self, object: &Object) -> bool {
        self.folder.known(&self.path_of(&object.key)).is_some()
    }

    /// The pattern of days, or that of months where there is no other.
    pub fn finest(&self) -> Option<(FilesOf, &PathPattern)> {
        let of = [FilesOf::Days, FilesOf::Months].into_iter();
        of.filter_map(|of| Some((of, self.patterns.get(&of)?))).next()
    }

    /// From when to when files must be there: as is asked for, or from the first that is, as far as it is over.
    fn asked_for(&self, files_of: FilesOf, seen: &Stretches) -> Option<(NaiveDate, NaiveDate)> {
        let from = self.wanted.from.or(seen.first())?;
        let to = self.wanted.last(self.today()).min(self.today().pred_opt()?);
        if files_of == FilesOf::Days {
            return Some((from, to));
        }
        let months = period::months(Month::of(from).first_day(), Month::of(to).last_day());
        let last = months.filter(|month| month.end() <= self.today()).last()?;
        Some((Month::of(from).first_day(), last.end().pred_opt()?))
    }

    /// Adds the record of a file that is missing, or of one that another holds. Gives its start cursor.
    fn push(
        &self,
        records: &mut RecordsBuilder,
        object: &Object,
        Why { refused, instead }: Why<'_>,
    ) -> Result<(String, Cursor)> {
        let path = self.path_of(&object.key);
        let mut record = fields(&object.values);
        record.insert("key".to_owned(), Value::from(object.key.clone()));
        record.insert(
            "period".to_owned(),
            object.period.map_or(Value::Null, |period| period.to_string().into()),
        );
        record.insert("path".to_owned(), Value::from(path.clone()));
        record.insert("url".to_owned(), Value::from(shown_url(&self.where_is(object))));
        record.insert("missing".to_owned(), Value::from(instead.is_none()));
        if let Some(instead) = instead {
            record.insert("instead".to_owned(), Value::from(instead));
        }
        if let Some(refused) = refused {
            record.insert("refused_because".to_owned(), Value::from(refused));
        }
        records
            .push_serialized(&record)
            .map_err(|error| Error::bug(format!("the record of {path} cannot be encoded: {error}")))?;
        start(&path, instead.is_none().then(|| object.recorded(refused, Some(self.today()))))
    }
}

/// Why a file is not there.
#[derive(Clone, Copy, Default)]
struct Why<'a> {
    /// What has come was refused: why.
    refused: Option<&'a str>,
    /// The file that holds it.
    instead: Option<&'a str>,
}

fn start(path: &str, recorded: Option<Recorded>) -> Result<(String, Cursor)> {
    Ok((format!("{KEY}{path}"), Cursor::encode(&recorded)?))
}

impl Absent {
    /// Its files, those left out that are excluded, or here from an earlier run.
    fn files<'a>(&'a self, archive: &'a Archive) -> impl Iterator<Item = Object> + 'a {
        let pattern = archive.patterns.get(&self.files_of);
        let periods = self.stretches.iter().flat_map(|(from, to)| -> Box<dyn Iterator<Item = Period>> {
            match self.files_of {
                FilesOf::Months => Box::new(period::months(*from, *to)),
                FilesOf::Days | FilesOf::Any => Box::new(period::days(*from, *to)),
            }
        });
        let all =
            periods.filter_map(move |period| plan::object(archive, pattern?, &self.values, Some(period)));
        // What was fetched is here, also if nobody lists it any more.
        all.filter(|object| self.instead.is_some() || !archive.has_fetched(object))
    }

    /// Which they are, as a word of a split's id.
    pub fn name(&self) -> String {
        let values: Vec<&str> = self.values.values().map(String::as_str).collect();
        let from = self.stretches.first().map(|(from, _)| from.to_string()).unwrap_or_default();
        match &self.instead {
            Some(path) => format!("held by {path}"),
            None => format!("missing {} from {from}", values.join(" ")),
        }
    }
}

/// Records what is missing.
pub struct AbsentReader {
    archive: Arc<Archive>,
    absent: Absent,
    done: usize,
    over: bool,
}

impl AbsentReader {
    /// A reader that goes on at `at`. Does no I/O.
    pub fn new(archive: Arc<Archive>, absent: Absent, at: Option<&Cursor>) -> Result<Self> {
        let done = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { archive, absent, done, over: false })
    }
}

#[async_trait]
impl Reader for AbsentReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.over {
            return Ok(None);
        }
        let (archive, instead) = (&self.archive, self.absent.instead.as_deref());
        let (mut records, mut starts) = (RecordsBuilder::default(), Vec::new());
        for object in self.absent.files(archive).skip(self.done).take(BATCH) {
            starts.push(archive.push(&mut records, &object, Why { instead, ..Why::default() })?);
        }
        self.done += starts.len();
        self.over = starts.len() < BATCH;
        let batch = Batch::new(records.finish(), Cursor::encode(&self.done)?);
        Ok(Some(Batch { done: self.over, starts, ..batch }))
    }

    fn asks(&self) -> bool {
        false
    }
}
