//! What the dispatcher knows about one source's part of the run.

mod figures;
mod spending;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use busta_core::quality::StreamQuality;
use busta_core::report::{Status, Stopped, StoppedBy};
use busta_core::{
    BudgetSettings, Checkpoint, Committed, Cursor, CursorValue, Error, Finish, Position, Split, SplitId,
    StreamFinish, StreamName, StreamSpec,
};
use tokio::time::Instant;

use crate::committer::End;
use crate::meter::SourceMeter;
use crate::plan::SourceEntry;
use crate::slot::{SourceShared, Work};
use crate::spending::EarlierRequests;

/// How far a source's part of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    Waiting,
    /// Its destination is being prepared and its splits are being named.
    Planning,
    /// Its splits are being read.
    Reading,
    /// Its complete streams are being finished.
    Finishing,
    /// Over.
    Ended(Status),
}

/// One source's part of the run.
pub struct Ledger {
    pub shared: Arc<SourceShared>,
    pub meter: Arc<SourceMeter>,
    /// What the meter had counted in earlier runs.
    before: Before,
    pub kind: String,
    pub expected: HashMap<StreamName, Duration>,
    pub phase: Phase,
    pub began: Option<Instant>,
    ended: Option<Instant>,
    streams: HashMap<StreamName, StreamLedger>,
    order: Vec<StreamName>,
    /// The splits that are known, as digests: there may be millions, and no two have the same.
    known: HashSet<[u64; 2]>,
    /// The keys of these digests.
    keys: RandomState,
    /// Splits that wait, are parked, are read, or whose end is not durable yet.
    pub open: usize,
    /// Splits being read.
    pub in_slots: usize,
    done: usize,
    failed: usize,
    /// Splits that the stop of the run left for later.
    left: usize,
    /// Whether anything of this source was written in this run, now or before it was resumed.
    wrote: bool,
    /// The run has been here before, so the destination may know its splits.
    resumed: bool,
    /// The start cursors of its streams and of their splits. Others are the connector's own; there may be millions.
    starts: HashMap<String, Cursor>,
    /// The start cursors of splits of incomplete streams have been put on their way.
    closed: bool,
    pub records: u64,
    pub deduped: u64,
    pub failures: u64,
    pub retries: u64,
    pub rate_limited: u64,
    pub busy: Duration,
    error: Option<String>,
    /// Nothing more of it can be collected in this run.
    broken: bool,
    pub waiting: Option<String>,
    pub budget: Option<BudgetSettings>,
    earlier: EarlierRequests,
    /// How many requests it is expected to take.
    pub estimate: Option<u64>,
    /// It goes on from where an earlier run has ended.
    onward: bool,
    /// It is paused after so many failures in a row.
    pause_after: Option<u32>,
    pub failed_in_a_row: u32,
    last_error: Option<String>,
    /// Its own settings have ended its part of the run.
    pub stopped: Option<Stopped>,
    /// What was measured of its records; known at its end.
    quality: Vec<StreamQuality>,
}

/// Where the counts of a meter stood when the run began.
struct Before {
    bytes: u64,
    requests: u64,
    waited: Duration,
}

impl Before {
    fn of(meter: &SourceMeter) -> Self {
        Self { bytes: meter.bytes_read(), requests: meter.requests(), waited: meter.waited_for() }
    }
}

struct StreamLedger {
    spec: StreamSpec,
    /// Splits that are known, and those that are done.
    known: u64,
    done: u64,
    /// Those that planning has named.
    planned: u64,
    records: u64,
    failed: usize,
    left: usize,
    /// Splits that this part of the run has read to their end.
    read: u32,
    limited: bool,
    high: Option<CursorValue>,
    /// The newest value in each planned split that is done, if these have start cursors of their own; `None` for
    /// one that is not.
    split_highs: HashMap<SplitId, Option<CursorValue>>,
    /// It was finished in an earlier part of this run.
    finished: bool,
    busy: Duration,
}

impl Ledger {
    pub fn new(entry: &SourceEntry, shared: Arc<SourceShared>, specs: &[StreamSpec], resumed: bool) -> Self {
        let stream = |spec: &StreamSpec| StreamLedger {
            spec: spec.clone(),
            known: 0,
            done: 0,
            planned: 0,
            records: 0,
            failed: 0,
            left: 0,
            read: 0,
            limited: false,
            high: None,
            split_highs: HashMap::new(),
            finished: false,
            busy: Duration::ZERO,
        };
        Self {
            shared,
            before: Before::of(&entry.meter),
            meter: entry.meter.clone(),
            kind: entry.kind.clone(),
            expected: entry.expected.clone(),
            phase: Phase::Waiting,
            began: None,
            ended: None,
            order: specs.iter().map(|spec| spec.name.clone()).collect(),
            streams: specs.iter().map(|spec| (spec.name.clone(), stream(spec))).collect(),
            known: HashSet::new(),
            keys: RandomState::new(),
            open: 0,
            in_slots: 0,
            done: 0,
            failed: 0,
            left: 0,
            wrote: false,
            resumed,
            starts: HashMap::new(),
            closed: false,
            records: 0,
            deduped: 0,
            failures: 0,
            retries: 0,
            rate_limited: 0,
            busy: Duration::ZERO,
            error: None,
            broken: false,
            waiting: None,
            budget: entry.settings.budget,
            earlier: entry.earlier.clone(),
            estimate: None,
            onward: false,
            pause_after: entry.settings.pause_after,
            failed_in_a_row: 0,
            last_error: None,
            stopped: None,
            quality: Vec::new(),
        }
    }

    /// Takes in what the destination knows and what planning named; gives the work that is left.
    pub fn planned(&mut self, checkpoint: Checkpoint, planned: Vec<Split>) -> Vec<Work> {
        self.phase = Phase::Reading;
        self.wrote = !checkpoint.splits.is_empty() || !checkpoint.finished.is_empty();
        for stream in &checkpoint.finished {
            if let Some(stream) = self.streams.get_mut(stream) {
                stream.finished = true;
            }
        }
        self.onward = !checkpoint.starts.is_empty();
        let apart = |split: &&Split| {
            self.streams.get(&split.stream).is_some_and(|stream| stream.spec.start_per_split)
        };
        let splits = planned.iter().filter(apart).map(|split| split.id.as_str());
        let keys = self.order.iter().map(|stream| stream.as_str()).chain(splits);
        let mut start = checkpoint.starts.lookup();
        self.starts = keys.filter_map(|key| Some((key.to_owned(), start(key)?))).collect();
        let mut states = checkpoint.splits;
        let mut work: Vec<Work> = Vec::new();
        for split in planned {
            let state = states.remove(&split.id);
            let (position, high) =
                state.map_or((Position::Start, None), |state| (state.position, state.high));
            self.note_planned(&split, &position, high.as_ref());
            work.extend(self.take_up(split, position, high, self.resumed));
        }
        self.streams.values_mut().for_each(|stream| stream.planned = stream.known);
        let found = states
            .into_values()
            .filter_map(|state| state.found.map(|split| (split, state.position, state.high)));
        for (split, position, high) in found {
            work.extend(self.take_up(split, position, high, true));
        }
        work
    }

    fn note_planned(&mut self, split: &Split, position: &Position, high: Option<&CursorValue>) {
        let Some(stream) = self.streams.get_mut(&split.stream).filter(|s| s.spec.start_per_split) else {
            return;
        };
        let done = high.filter(|_| *position == Position::Done).cloned();
        stream.split_highs.insert(split.id.clone(), done);
    }

    /// Splits that were found and are durable.
    pub fn found(&mut self, found: Vec<Split>) -> Vec<Work> {
        found.into_iter().filter_map(|split| self.take_up(split, Position::Start, None, true)).collect()
    }

    fn take_up(
        &mut self,
        split: Split,
        position: Position,
        high: Option<CursorValue>,
        recorded: bool,
    ) -> Option<Work> {
        let stream = self.streams.get_mut(&split.stream)?;
        if stream.finished || !self.known.insert(digest(&self.keys, &split.id)) {
            return None;
        }
        stream.raise(high.clone());
        stream.known += 1;
        if position == Position::Done {
            self.done += 1;
            stream.done += 1;
            return None;
        }
        self.open += 1;
        let held = self.shared.backlog.opened(&split);
        Some(Work::new(split, position, high, recorded).holding(held))
    }

    fn close(&mut self, stream: &StreamName) {
        self.open -= 1;
        self.shared.backlog.closed(stream);
    }

    /// A split's end is durable.
    pub fn split_ended(&mut self, stream: &StreamName, end: End) {
        self.close(stream);
        let Some(stream) = self.streams.get_mut(stream) else { return };
        match end {
            End::Done => {
                self.done += 1;
                stream.done += 1;
                stream.read += 1;
            }
            End::Failed => {
                self.failed += 1;
                stream.failed += 1;
            }
        }
    }

    /// A split is left for when the run is resumed.
    pub fn split_left(&mut self, stream: &StreamName) {
        self.close(stream);
        self.left += 1;
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.left += 1;
        }
    }

    /// A split is left because its stream has all that the run's limit allows.
    pub fn split_limited(&mut self, stream: &StreamName) {
        self.close(stream);
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.limited = true;
        }
    }

    /// Whether the run's limit leaves nothing for a stream.
    pub fn is_exhausted(&self, stream: &StreamName) -> bool {
        self.shared.allowance.get(stream).is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Something is durable now; `done` is the split that ended with it.
    pub fn committed(&mut self, stream: &StreamName, done: Option<&SplitId>, high: Option<CursorValue>) {
        self.wrote = true;
        if let Some(stream) = self.streams.get_mut(stream) {
            if let Some(known) = done.and_then(|split| stream.split_highs.get_mut(split)) {
                known.clone_from(&high);
            }
            stream.raise(high);
        }
    }

    /// Something is tried again, so often.
    pub fn retried(&mut self, times: u32) {
        self.retries += u64::from(times);
        self.meter.retried(times);
    }

    /// Something waits because its host asked for it, so often.
    pub fn limited(&mut self, times: u32) {
        self.rate_limited += u64::from(times);
        self.meter.limited(times);
    }

    pub fn spent(&mut self, stream: &StreamName, busy: Duration) {
        self.busy += busy;
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.busy += busy;
        }
    }

    /// Keeps the first error for the report.
    pub fn note_error(&mut self, error: &Error) {
        let words = busta_core::secret::redact(&error.to_string()).into_owned();
        self.error.get_or_insert_with(|| words.clone());
        self.last_error = Some(words);
    }

    /// Nothing more of it can be collected; returns whether that is news.
    pub fn break_off(&mut self, error: &Error) -> bool {
        self.note_error(error);
        self.shared.stop.cancel();
        self.shared.cut.cancel();
        !std::mem::replace(&mut self.broken, true)
    }

    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether nothing more of it is to be begun in this run.
    pub fn is_over(&self) -> bool {
        self.broken || self.stopped.is_some()
    }

    /// Records of a stream are durable.
    pub fn landed(&mut self, stream: &StreamName, committed: &Committed) {
        let records = committed.inserted + committed.updated;
        self.records += records;
        self.deduped += committed.deduped;
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.records += records;
        }
    }

    /// Whether all that can be done about its splits in this run is done and durable.
    pub fn is_quiet(&self) -> bool {
        self.phase == Phase::Reading
            && self.open == 0
            && self.in_slots == 0
            && self.shared.outstanding.load(Ordering::Relaxed) == 0
    }

    /// What the destination is told at the end, if there is something to finish, or a snapshot to take.
    pub fn take_finish(&mut self) -> Option<Finish> {
        self.judge();
        let (run, source) = (self.shared.run.clone(), self.shared.name.clone());
        let finish = Finish { run, source, streams: self.streams_to_finish(), status: self.outcome() };
        let snapshot = self.streams.values().any(|stream| stream.spec.dataset.snapshot);
        (snapshot || !finish.streams.is_empty()).then_some(finish)
    }

    /// The streams without failed splits whose parents are complete too. None, if the run was stopped, so that a
    /// resumed run finds all positions; and none if nothing was written, so that a run without news writes nothing.
    fn streams_to_finish(&self) -> Vec<StreamFinish> {
        if self.left > 0 || self.broken {
            return Vec::new();
        }
        self.order
            .iter()
            .filter_map(|name| self.streams.get(name))
            .filter(|stream| !stream.finished && self.is_complete(stream))
            .filter(|stream| self.wrote || stream.spec.write_mode == busta_core::WriteMode::Replace)
            .map(|stream| StreamFinish { stream: stream.spec.name.clone(), starts: self.next_starts(stream) })
            .collect()
    }

    /// The start cursors of the splits that are done, of streams that are not complete: to be committed once, before
    /// the source's part of the run ends. Nothing, if something is left to read, since the next run may not be this
    /// one resumed. What is being replaced is not there before its stream is complete.
    pub fn take_closing(&mut self) -> Vec<(StreamName, Vec<(String, Cursor)>)> {
        if self.left > 0 || self.broken || std::mem::replace(&mut self.closed, true) {
            return Vec::new();
        }
        let streams = self.order.iter().filter_map(|name| self.streams.get(name));
        streams
            .filter(|stream| !stream.finished && !self.is_complete(stream))
            .filter(|stream| stream.spec.write_mode != busta_core::WriteMode::Replace)
            .map(|stream| (stream.spec.name.clone(), self.split_starts(stream)))
            .filter(|(_, starts)| !starts.is_empty())
            .collect()
    }

    fn is_complete(&self, stream: &StreamLedger) -> bool {
        let parent = stream.spec.parent.as_ref().and_then(|name| self.streams.get(name));
        // A part must not take the place of the whole, nor must what was made of it be taken for done.
        let is_part = stream.limited && stream.spec.write_mode == busta_core::WriteMode::Replace;
        // Parents form no cycle: building the source has seen to that.
        stream.failed == 0
            && stream.left == 0
            && !is_part
            && parent.is_none_or(|parent| self.is_complete(parent))
    }

    /// Where the next run starts.
    fn next_starts(&self, stream: &StreamLedger) -> Vec<(String, Cursor)> {
        let newest = self.newest(stream).map(|cursor| (stream.spec.name.as_str().to_owned(), cursor));
        newest.into_iter().chain(self.split_starts(stream)).collect()
    }

    /// Where those of a stream's splits start next that are done and have gone on. Nowhere else, if the run's limit
    /// has left something: it may have been found in their records.
    fn split_starts(&self, stream: &StreamLedger) -> Vec<(String, Cursor)> {
        if self.streams.values().any(|stream| stream.limited) {
            return Vec::new();
        }
        let mut starts: Vec<_> = stream
            .split_highs
            .iter()
            .filter_map(|(split, high)| {
                let cursor = self.never_before(split.as_str(), high.clone()?)?;
                (self.starts.get(split.as_str()) != Some(&cursor))
                    .then(|| (split.as_str().to_owned(), cursor))
            })
            .collect();
        starts.sort_by(|(a, _), (b, _)| a.cmp(b));
        starts
    }

    /// The newest cursor value: never before where this run started.
    fn newest(&self, stream: &StreamLedger) -> Option<Cursor> {
        if stream.limited || stream.spec.start_per_split {
            return None;
        }
        self.never_before(stream.spec.name.as_str(), stream.high.clone()?)
    }

    fn never_before(&self, key: &str, high: CursorValue) -> Option<Cursor> {
        let known = self.starts.get(key).and_then(|cursor| cursor.decode().ok());
        let newest = match known {
            Some(known) => high.max(known),
            None => high,
        };
        Cursor::encode(&newest).ok()
    }

    /// Closes the source's part of the run.
    pub fn end(&mut self, now: Instant) {
        self.ended = Some(now);
        self.judge();
        self.phase = Phase::Ended(self.outcome());
    }

    /// What has come of it.
    fn outcome(&self) -> Status {
        let cut_short = self.left > 0 && !self.broken;
        if cut_short && self.has_come_to_something() {
            Status::Partial
        } else if cut_short && self.stopped.is_none() {
            Status::Cancelled
        } else if self.failed == 0 && self.error.is_none() && !self.only_failures() {
            Status::Completed
        } else if self.done == 0 && self.records == 0 || self.has_failed_by_quality() {
            Status::Failed
        } else {
            Status::Partial
        }
    }

    /// Whether its own settings have ended it, with something to show. A budget that is used up is no failure,
    /// whatever it was used for.
    fn has_come_to_something(&self) -> bool {
        let by = self.stopped.as_ref().map(|stopped| stopped.by);
        by == Some(StoppedBy::Budget) || by.is_some() && (self.done > 0 || self.records > 0)
    }

    /// Measures a source that was collected to its end against what is expected of it.
    fn judge(&mut self) {
        self.quality = self.shared.quality.as_ref().map(|quality| quality.report()).unwrap_or_default();
        if self.left > 0 || self.broken {
            return;
        }
        let findings = || self.quality.iter().flat_map(|stream| &stream.findings).filter(|f| f.fails);
        let Some(first) = findings().next() else { return };
        let others = findings().count() - 1;
        let more = if others > 0 { format!(", and {others} more") } else { String::new() };
        let message = format!("quality: {}{more}", first.message);
        self.note_error(
            &Error::data(message).hint("all records have landed; mend the source, or its `quality:` rules"),
        );
    }

    fn has_failed_by_quality(&self) -> bool {
        self.left == 0 && self.quality.iter().flat_map(|stream| &stream.findings).any(|finding| finding.fails)
    }

    /// There were records, and not one of them was good.
    fn only_failures(&self) -> bool {
        self.failures > 0
            && self.records == 0
            && self.deduped == 0
            && self.shared.dropped.load(Ordering::Relaxed) == 0
    }

    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Waiting => Status::Queued,
            Phase::Planning | Phase::Reading | Phase::Finishing => Status::Running,
            Phase::Ended(status) => status,
        }
    }

    /// The source's part of the run was never begun.
    pub fn never_began(&mut self) {
        self.phase = Phase::Ended(Status::Cancelled);
    }
}

/// 128 bits of SipHash, whose state is read out twice, under keys of this process: nobody can name two splits that have
/// the same.
fn digest(keys: &RandomState, split: &SplitId) -> [u64; 2] {
    let mut hasher = keys.build_hasher();
    split.hash(&mut hasher);
    let first = hasher.finish();
    hasher.write_u8(1);
    [first, hasher.finish()]
}

impl StreamLedger {
    fn raise(&mut self, high: Option<CursorValue>) {
        let Some(high) = high else { return };
        self.high = Some(match self.high.take() {
            Some(known) => known.max(high),
            None => high,
        });
    }
}
