//! All sources with a schedule.

use std::collections::BTreeMap;

use busta_core::SourceName;
use chrono::{DateTime, TimeDelta, Utc};

use super::auto::Observed;
use super::entry::{Entry, Turn};
use super::plan::Schedule;

/// A clock that goes back by no more than this is only being kept right: nothing is planned anew.
const BACK: TimeDelta = TimeDelta::minutes(1);

/// A source with a schedule, and what is remembered of it.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The source.
    pub source: SourceName,
    /// Its schedule.
    pub schedule: Schedule,
    /// What was due before has not been missed: when the schedule was seen first, or resumed last.
    pub since: DateTime<Utc>,
    /// The last time that it was due and was heeded: the `due_at` of its last [`Due`].
    pub last_due_at: Option<DateTime<Utc>>,
    /// Whether it is paused.
    pub paused: bool,
    /// What its last collections have shown, the oldest first. Only `auto` asks.
    pub history: Vec<Observed>,
}

/// Why a source is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueKind {
    /// Its time has come.
    Schedule,
    /// Its time came while nobody was there.
    CatchUp,
}

/// A source that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The source.
    pub source: SourceName,
    /// The time that its schedule says, without jitter. Remembering this is what a restart goes on from.
    pub due_at: DateTime<Utc>,
    /// Why.
    pub kind: DueKind,
}

/// What is due when. See the [module](super).
///
/// Whoever gets a [`Due`] starts the source, or says at once that it has [`finished`](Self::finished);
/// until then the source counts as running. A source that is started otherwise is made known with
/// [`started`](Self::started).
pub struct Scheduler {
    entries: BTreeMap<SourceName, Entry>,
    skipped: Vec<Due>,
    latest: DateTime<Utc>,
}

impl Scheduler {
    /// A scheduler that begins now.
    pub fn new(sources: Vec<Scheduled>, now: DateTime<Utc>) -> Self {
        let entries = sources.into_iter().map(|s| (s.source.clone(), Entry::new(s, now))).collect();
        Self { entries, skipped: Vec::new(), latest: now }
    }

    /// The sources that are to be started now, in the order of their times. They count as running.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<Due> {
        if now < self.latest - BACK {
            self.entries.values_mut().for_each(|entry| entry.set_back(now));
        }
        self.latest = now;
        let mut due = Vec::new();
        self.skipped.clear();
        for entry in self.entries.values_mut() {
            match entry.turn(now) {
                Turn::Start(start) => due.push(start),
                Turn::Skip(skipped) => self.skipped.push(skipped),
                Turn::Wait => {}
            }
        }
        due.sort_by(|a, b| (a.due_at, &a.source).cmp(&(b.due_at, &b.source)));
        due
    }

    /// The sources whose time had come at the last [`due`](Self::due) and that were left out: they were
    /// still running, or were missed and are not caught up.
    pub fn skipped(&self) -> &[Due] {
        &self.skipped
    }

    /// When to call [`due`](Self::due) again, if nothing else happens before. It may be in the past.
    pub fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.entries.values().filter_map(Entry::wake).min()
    }

    /// A source was started by somebody else.
    pub fn started(&mut self, source: &SourceName) {
        self.with(source, Entry::started);
    }

    /// A source is no longer running, whoever started it, and this is what it found; `None` if that is not
    /// known, since it did not come to its turn.
    pub fn finished(&mut self, source: &SourceName, now: DateTime<Utc>, seen: Option<&Observed>) {
        self.with(source, |entry| entry.finished(now, seen));
    }

    /// Lets a source rest. `false` if it has no schedule.
    pub fn pause(&mut self, source: &SourceName) -> bool {
        self.with(source, Entry::pause)
    }

    /// Lets a source go on with its next time. `false` if it has no schedule.
    pub fn resume(&mut self, source: &SourceName, now: DateTime<Utc>) -> bool {
        self.with(source, |entry| entry.resume(now))
    }

    /// A source's schedule.
    pub fn schedule(&self, source: &SourceName) -> Option<&Schedule> {
        self.entries.get(source).map(|entry| &entry.schedule)
    }

    /// Whether a source is paused.
    pub fn is_paused(&self, source: &SourceName) -> bool {
        self.entries.get(source).is_some_and(|entry| entry.paused)
    }

    /// When a source is started next. `None` while it is paused, and under `auto` while it runs.
    pub fn next_of(&self, source: &SourceName) -> Option<DateTime<Utc>> {
        self.entries.get(source).and_then(Entry::next)
    }

    /// The last time that a source was due and was heeded.
    pub fn last_due_of(&self, source: &SourceName) -> Option<DateTime<Utc>> {
        self.entries.get(source).and_then(|entry| entry.last)
    }

    /// The next times of a source, as far as they are known.
    pub fn upcoming(&self, source: &SourceName, count: usize) -> Vec<DateTime<Utc>> {
        self.entries.get(source).map_or_else(Vec::new, |entry| entry.upcoming(count))
    }

    fn with(&mut self, source: &SourceName, change: impl FnOnce(&mut Entry)) -> bool {
        self.entries.get_mut(source).map(change).is_some()
    }
}
