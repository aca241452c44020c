//! One source in the scheduler: what it waits for, and what it becomes when something happens.

use busta_core::SourceName;
use chrono::{DateTime, TimeDelta, Utc};

use super::auto::{Observed, Pace};
use super::jitter::jitter;
use super::plan::{Overlap, Schedule, When, later};
use super::scheduler::{Due, DueKind, Scheduled};

/// Started later than this, a time has been missed: nobody was there for it.
const LATE: TimeDelta = TimeDelta::minutes(1);

pub(super) struct Entry {
    pub(super) schedule: Schedule,
    source: SourceName,
    /// The last time that it was due, whatever came of it.
    pub(super) last: Option<DateTime<Utc>>,
    /// It is not started before.
    ready: DateTime<Utc>,
    pace: Option<Pace>,
    planned: Option<Planned>,
    /// What was due while it was running, to be made up for at its end.
    waiting: Option<Due>,
    pub(super) paused: bool,
    running: bool,
}

/// The next time of a source.
#[derive(Clone, Copy)]
struct Planned {
    due: DateTime<Utc>,
    start: DateTime<Utc>,
    kind: DueKind,
}

/// What comes of a source that is asked whether it is due.
pub(super) enum Turn {
    /// Nothing.
    Wait,
    /// It is to be started.
    Start(Due),
    /// It was due and is left out.
    Skip(Due),
}

impl Entry {
    pub(super) fn new(scheduled: Scheduled, now: DateTime<Utc>) -> Self {
        let Scheduled { source, schedule, since, last_due_at, paused, history } = scheduled;
        let ready = later(now, schedule.initial_delay).unwrap_or(now);
        let pace = match schedule.when {
            When::Auto { min, max } => Some(Pace::new(min, max)),
            _ => None,
        };
        // A time that has not come yet was written by a clock that was wrong.
        let last = last_due_at.filter(|last| *last <= now);
        let mut entry = Self {
            schedule,
            source,
            last,
            ready,
            pace,
            planned: None,
            waiting: None,
            paused,
            running: false,
        };
        history.iter().for_each(|seen| entry.observe(seen));
        if !paused {
            entry.plan_first(since.min(now), now);
        }
        entry
    }

    /// The first time after the start of the process.
    fn plan_first(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) {
        let first = match (&self.schedule.when, self.last) {
            (When::Every(_) | When::Auto { .. }, None) => Some(self.ready),
            (When::Auto { .. }, Some(last)) => self.after_pause(last).map(|due| due.max(self.ready)),
            (when, last) => match when.missed(last.unwrap_or(since), now).filter(|missed| *missed > since) {
                Some(missed) if self.schedule.catch_up => return self.plan(missed, DueKind::CatchUp),
                _ => when.next_after(last, now),
            },
        };
        if let Some(due) = first {
            self.plan(due, DueKind::Schedule);
        }
    }

    fn plan(&mut self, due: DateTime<Utc>, kind: DueKind) {
        self.planned = Some(Planned { due, start: self.start_of(due), kind });
    }

    fn start_of(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        later(due, jitter(&self.source, due, self.schedule.jitter)).unwrap_or(due).max(self.ready)
    }

    fn plan_after(&mut self, now: DateTime<Utc>) {
        self.planned = None;
        if let Some(due) = self.schedule.when.next_after(self.last, now) {
            self.plan(due, DueKind::Schedule);
        }
    }

    /// Under `auto`: the interval after `time`.
    fn after_pause(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        later(time, self.pace.as_ref()?.interval())
    }

    fn observe(&mut self, seen: &Observed) {
        if let Some(pace) = &mut self.pace {
            pace.observe(seen);
        }
    }

    /// When something is to be done, if nothing happens before.
    pub(super) fn wake(&self) -> Option<DateTime<Utc>> {
        let waiting = self.waiting.as_ref().filter(|_| !self.running).map(|due| due.due_at);
        waiting.or(self.next())
    }

    /// The next time that it is started.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.planned.map(|planned| planned.start)
    }

    /// The next times, as far as they do not depend on what is found.
    pub(super) fn upcoming(&self, count: usize) -> Vec<DateTime<Utc>> {
        let mut times: Vec<_> = self.next().into_iter().take(count).collect();
        let mut due = self.planned.map(|planned| planned.due.max(planned.start - self.longest_jitter()));
        while times.len() < count
            && let Some(next) =
                due.and_then(|due| self.schedule.when.next_after(self.last.or(Some(due)), due))
        {
            times.push(self.start_of(next));
            due = Some(next);
        }
        times
    }

    fn longest_jitter(&self) -> TimeDelta {
        TimeDelta::from_std(self.schedule.jitter).unwrap_or_default()
    }

    pub(super) fn turn(&mut self, now: DateTime<Utc>) -> Turn {
        let ripe = self.take_ripe(now);
        let waiting = if self.running { None } else { self.waiting.take() };
        let is_late = |due: &Due| due.kind == DueKind::CatchUp && !self.schedule.catch_up;
        let (due, start) = match (ripe, waiting) {
            (None, None) => return Turn::Wait,
            // Whatever was due meanwhile, it is made up for once.
            (Some(ripe), Some(waiting)) if is_late(&ripe) => (waiting, true),
            (Some(ripe), None) if is_late(&ripe) => (ripe, false),
            (Some(due), _) | (None, Some(due)) => (due, true),
        };
        match (self.running, self.schedule.overlap) {
            (false, _) if start => {
                self.running = true;
                Turn::Start(due)
            }
            (true, Overlap::Queue) if start => {
                self.waiting = Some(due);
                Turn::Wait
            }
            _ => Turn::Skip(due),
        }
    }

    /// What is due by now; the next time is planned behind it.
    fn take_ripe(&mut self, now: DateTime<Utc>) -> Option<Due> {
        let planned = self.planned.filter(|planned| planned.start <= now)?;
        let due = self.heeded(planned, now);
        self.last = Some(due.due_at);
        self.plan_after(now);
        Some(due)
    }

    /// The time that is due now: the planned one, or the last of those that nobody was there for.
    fn heeded(&self, planned: Planned, now: DateTime<Utc>) -> Due {
        let Planned { due, start, kind } = planned;
        let of = |due_at, kind| Due { source: self.source.clone(), due_at, kind };
        if now - start <= LATE || self.pace.is_some() {
            return of(due, kind);
        }
        of(self.schedule.when.missed(due, now).unwrap_or(due), DueKind::CatchUp)
    }

    pub(super) fn started(&mut self) {
        self.running = true;
        if self.pace.is_some() {
            self.planned = None;
        }
    }

    pub(super) fn finished(&mut self, now: DateTime<Utc>, seen: Option<&Observed>) {
        self.running = false;
        if let Some(seen) = seen {
            self.observe(seen);
        }
        if !self.paused
            && let Some(due) = self.after_pause(now)
        {
            self.plan(due, DueKind::Schedule);
        }
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.planned = None;
        self.waiting = None;
    }

    pub(super) fn resume(&mut self, now: DateTime<Utc>) {
        if !std::mem::replace(&mut self.paused, false) {
            return;
        }
        self.plan_after(now);
        if let Some(due) = self.after_pause(now).filter(|_| !self.running) {
            self.plan(due, DueKind::Schedule);
        }
    }

    /// The clock was set back to `now`: nothing may wait until it has come back to where it was.
    pub(super) fn set_back(&mut self, now: DateTime<Utc>) {
        let delay = later(now, self.schedule.initial_delay).unwrap_or(now);
        self.ready = self.ready.min(delay);
        self.last = self.last.filter(|last| *last <= now);
        let Some(planned) = self.planned else { return };
        let soonest = match self.pace {
            Some(_) => self.after_pause(now),
            None => self.schedule.when.next_after(self.last, now),
        };
        if let Some(due) = soonest.filter(|due| *due < planned.due) {
            self.plan(due, DueKind::Schedule);
        }
    }
}
