//! Taking a source over, and the end of a source's part of a run.
//!
//! A finish makes the hidden rows of its streams visible with one line of the manifest: it names the
//! segments that go to their tables' folders and those that are dropped. What it needs is written and
//! synced before (files that held superseded rows are written anew, without them), and the renames
//! and removals come after, and are completed by whoever opens the folder next.

use std::collections::{BTreeSet, HashMap};

use busta_core::failpoint::hit;
use busta_core::{Checkpoint, Error, Finish, Result, RunId, SourceName, StreamName, StreamSpec, WriteMode};
use serde_json::Value;

use super::failures::FailureDraft;
use super::layout::sync_folder;
use super::merge::{RowSet, Superseded, superseded};
use super::remake::{adopt, remake};
use super::segment::{Phase, Segment};
use super::state::Change;
use super::writer::Lake;
use crate::destinations::claims::refused;

impl Lake {
    /// Gets ready for a source's part of a run, which writes nothing.
    pub(super) fn prepare(
        &mut self,
        run: &RunId,
        source: &SourceName,
        streams: &[StreamSpec],
    ) -> Result<Checkpoint> {
        self.heal()?;
        self.settle()?;
        let stored = self.state.sources.get(source).map(|known| &known.run);
        self.prepared.claims.prepared(source, run, stored);
        self.prepared.streams.insert(source.clone(), streams.to_vec());
        Ok(self.state.checkpoint(run, source))
    }

    /// Whether `source` is still to be taken over by `run`; an error if it may not be.
    pub(super) fn is_new(&self, run: &RunId, source: &SourceName) -> Result<bool> {
        let stored = self.state.sources.get(source).map(|known| &known.run);
        let known = stored == Some(run);
        if known || self.prepared.claims.allow(source, run, stored) {
            return Ok(!known);
        }
        Err(refused(source, run, stored))
    }

    /// Takes `source` over for `run`, or to its new streams, with the line that is
    /// [logged](Self::log) next.
    pub(super) fn take_over(&mut self, run: &RunId, source: &SourceName) -> Result<()> {
        let known = self.state.sources.get(source);
        let Some(streams) = self.prepared.streams.get(source) else { return Ok(()) };
        if known.is_some_and(|known| known.run == *run && known.streams == *streams) {
            return Ok(());
        }
        let streams = streams.clone();
        let left = |segment: &&Segment| {
            segment.source == *source && segment.run != *run && segment.phase != Phase::Sealed
        };
        let (dropped, kept): (Vec<Segment>, Vec<Segment>) =
            self.state.segments.values().filter(left).cloned().partition(Segment::is_hidden);
        let mut changes = self.publish(&kept)?;
        changes.extend(dropped.iter().map(|segment| Change::Drop(segment.id)));
        changes.push(Change::Run { source: source.clone(), run: run.clone(), streams });
        self.apply_early(changes);
        self.index.forget(source);
        Ok(())
    }

    /// Completes streams of a source.
    pub(super) fn finish(&mut self, finish: &Finish) -> Result<()> {
        if finish.streams.is_empty() {
            return Ok(());
        }
        self.attempt(|lake| lake.finish_streams(finish))?;
        self.prepared.claims.settle(&finish.source, &finish.run);
        self.settle()?;
        hit(self.layout.points().finish_settled);
        self.even_out();
        self.compact_if_long()
    }

    fn finish_streams(&mut self, finish: &Finish) -> Result<()> {
        hit(self.layout.points().finish_begin);
        self.is_new(&finish.run, &finish.source)?;
        self.take_over(&finish.run, &finish.source)?;
        let Some(known) = self.state.sources.get(&finish.source) else {
            return Err(Error::bug(format!("{} was not prepared", finish.source)));
        };
        let mut changes = Vec::new();
        for done in &finish.streams {
            // A stream without splits (nothing has changed) is finished too.
            if known.has_moved(&done.stream) || !known.finished.contains(&done.stream) {
                let (source, stream) = (finish.source.clone(), done.stream.clone());
                changes.push(Change::Forget { source, stream });
            }
            for (key, at) in done.starts.iter().filter(|(key, at)| known.starts.get(key).as_ref() != Some(at))
            {
                let (source, key, at) = (finish.source.clone(), key.clone(), at.clone());
                changes.push(Change::Start { source, key, at });
            }
        }
        let of_finish = |segment: &&Segment| {
            segment.source == finish.source && finish.streams.iter().any(|done| done.stream == segment.stream)
        };
        let ready = self.state.segments.values().filter(of_finish).filter(|s| s.phase != Phase::Sealed);
        let ready: Vec<Segment> = ready.cloned().collect();
        // What this run has made visible itself stays when a finish is repeated, that is, when nothing
        // has moved since.
        let replaced = |segment: &&Segment| {
            let spec = known.spec(&segment.stream);
            segment.phase == Phase::Sealed
                && spec.is_some_and(|spec| spec.write_mode == WriteMode::Replace)
                && (segment.run != finish.run || known.has_moved(&segment.stream))
        };
        let replaced = self.state.segments.values().filter(of_finish).filter(replaced);
        changes.extend(replaced.map(|segment| Change::Drop(segment.id)));
        changes.extend(self.publish(&ready)?);
        let tidied = self.failures.tidied(&FailureDraft::default())?;
        changes.extend(tidied.map(Change::FailureLog));
        if self.log(changes)? {
            self.failures.took_place(tidied);
            self.index.forget(&finish.source);
            hit(self.layout.points().finish_manifest_written);
        }
        Ok(())
    }

    /// The changes that make segments in staging visible, without superseded rows. Files that they
    /// need are written and durable.
    fn publish(&mut self, ready: &[Segment]) -> Result<Vec<Change>> {
        self.ahead.end(ready.iter());
        let superseded = self.superseded_by(ready)?;
        hit(self.layout.points().finish_compared);
        let mut draft = Publication::new(self);
        for (id, rows) in &superseded {
            let Some(segment) = self.state.segments.get(id).cloned() else { continue };
            self.remake(&mut draft, &segment, rows)?;
        }
        for segment in ready.iter().filter(|segment| !superseded.contains_key(&segment.id)) {
            if segment.form == self.layout.format().file() {
                draft.changes.push(Change::Seal(segment.id));
            } else {
                self.remake(&mut draft, segment, &RowSet::default())?;
            }
        }
        if draft.next > self.state.next {
            sync_folder(&self.layout.staging())?;
        }
        hit(self.layout.points().finish_synced);
        Ok(draft.changes)
    }

    /// Seals segments whose files have been made ahead, with the line that is [logged](Self::log) next.
    pub(super) fn seal_ready(&mut self) -> Result<()> {
        let mut draft = Publication::new(self);
        for id in self.ahead.ready() {
            let Some(segment) = self.state.segments.get(&id) else { continue };
            if segment.phase == Phase::Full && segment.seals_early() {
                let segment = segment.clone();
                self.remake(&mut draft, &segment, &RowSet::default())?;
            }
        }
        if !draft.changes.is_empty() {
            sync_folder(&self.layout.staging())?;
            self.apply_early(draft.changes);
        }
        Ok(())
    }

    /// Puts complete files of a segment's rows that are not in `without` in its place.
    pub(super) fn remake(
        &mut self,
        draft: &mut Publication,
        segment: &Segment,
        without: &RowSet,
    ) -> Result<()> {
        draft.changes.push(Change::Drop(segment.id));
        if without.len() == segment.rows {
            return Ok(());
        }
        let known =
            draft.remembered.get(&segment.table).or_else(|| self.state.remembered.get(&segment.table));
        let ahead = if without.len() == 0 { self.ahead.take(segment) } else { None };
        let made = match ahead {
            Some(made) => made,
            None => remake(&self.layout, segment, without, known)?,
        };
        let copies = adopt(&self.layout, segment, without, &made, draft.next)?;
        draft.next += copies.len() as u64;
        draft.changes.extend(copies.into_iter().map(Change::Segment));
        if let Some(found) = made.remember {
            let (table, format) = (segment.table.clone(), self.layout.format());
            let what = known.map_or(Ok(found.clone()), |known| format.join(known, &found))?;
            let is_known = self.state.uneven.contains(&table) || draft.uneven.contains(&table);
            let mut uneven = is_known;
            for side in known.into_iter().chain([&found]) {
                uneven |= !format.narrower(side, &what)?.is_empty();
            }
            if known != Some(&what) || uneven != is_known {
                draft.changes.push(Change::Remember { table: table.clone(), what: what.clone(), uneven });
                draft.uneven.extend(uneven.then(|| table.clone()));
                draft.remembered.insert(table, what);
            }
        }
        Ok(())
    }

    fn superseded_by(&self, ready: &[Segment]) -> Result<Superseded> {
        let segments: Vec<&Segment> = self.state.segments.values().collect();
        let is_new = |segment: &Segment| ready.iter().any(|new| new.id == segment.id);
        find_superseded(&self.layout, &segments, is_new)
    }
}

/// What makes segments visible, as it is put together.
pub(super) struct Publication {
    pub(super) changes: Vec<Change>,
    /// The number of the next segment.
    next: u64,
    /// What is remembered of tables once the changes hold.
    remembered: HashMap<String, Value>,
    /// The tables whose files have columns of several types by then.
    uneven: BTreeSet<String>,
}

impl Publication {
    pub(super) fn new(lake: &Lake) -> Self {
        let (next, uneven) = (lake.state.next, BTreeSet::new());
        Self { changes: Vec::new(), next, remembered: HashMap::new(), uneven }
    }
}

/// The superseded rows that `new` segments bring about among `segments`, table by table.
pub(super) fn find_superseded(
    layout: &super::layout::Layout,
    segments: &[&Segment],
    is_new: impl Fn(&Segment) -> bool,
) -> Result<Superseded> {
    let keyed: Vec<&&Segment> = segments.iter().filter(|s| s.key.is_some() && is_new(s)).collect();
    let domains: BTreeSet<_> = keyed.iter().map(|s| (&s.table, &s.source, domain_run(s))).collect();
    let mut all = Superseded::new();
    for domain in domains {
        let here = |s: &&&Segment| (&s.table, &s.source, domain_run(s)) == domain;
        let new: Vec<&Segment> = keyed.iter().filter(|s| here(s)).map(|s| **s).collect();
        let Some(spec) = new.last().and_then(|segment| segment.key.as_ref()) else { continue };
        let streams: BTreeSet<_> = new.iter().map(|segment| &segment.stream).collect();
        let old = |s: &&&Segment| {
            s.table == *domain.0
                && s.source == *domain.1
                && s.phase == Phase::Sealed
                && (s.mode == WriteMode::Merge || streams.contains(&s.stream))
        };
        // The rows of a replace only compete with each other: the old ones go anyway.
        let merged = domain.2.is_none();
        let old: Vec<&Segment> = segments.iter().filter(|s| merged && old(s)).copied().collect();
        all.append(&mut superseded(layout, &old, &new, spec)?);
    }
    Ok(all)
}

/// What a replace stream's rows are told apart by besides table and source.
pub(super) fn domain_run(segment: &Segment) -> Option<(&RunId, &StreamName)> {
    (segment.mode == WriteMode::Replace).then_some((&segment.run, &segment.stream))
}
