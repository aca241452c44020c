//! The beginning and the end of a source's part of a run.
//!
//! A finish makes the hidden rows of its streams visible with one line of the manifest: it names the
//! segments that go to their tables' folders and those that are dropped. What it needs is written and
//! synced before (files that held superseded rows are written anew, without them), and the renames
//! and removals come after, and are completed by whoever opens the folder next.

use std::collections::BTreeSet;

use busta_core::failpoint::hit;
use busta_core::{Checkpoint, Error, Finish, Result, RunId, SourceName, StreamName, StreamSpec, WriteMode};

use super::lake::Lake;
use super::layout::sync_folder;
use super::merge::{Superseded, superseded};
use super::rewrite::rewrite;
use super::segment::{Phase, Segment};
use super::state::Change;

impl Lake {
    /// What is stored for a run of a source. Nothing is written: a run takes the source over from
    /// another one with its first commit or finish.
    pub(super) fn prepare(
        &mut self,
        run: &RunId,
        source: &SourceName,
        streams: &[StreamSpec],
    ) -> Result<Checkpoint> {
        self.attempt(Self::settle)?;
        let known = self.state.sources.get(source);
        if known.is_some_and(|known| known.run == *run && known.streams == streams) {
            self.prepared.remove(source);
        } else {
            self.prepared.insert(source.clone(), (run.clone(), streams.to_vec()));
        }
        let ours = known.is_some_and(|known| known.run == *run);
        let stored = self.state.checkpoint(source);
        Ok(if ours { stored } else { Checkpoint { starts: stored.starts, ..Checkpoint::default() } })
    }

    /// Begins the part of `run` that was prepared, if it has not begun: one line of the manifest.
    pub(super) fn take_over(&mut self, run: &RunId, source: &SourceName) -> Result<()> {
        let Some((_, streams)) = self.prepared.get(source).filter(|(prepared, _)| prepared == run) else {
            return Ok(());
        };
        let streams = streams.clone();
        self.begin_run(run, source, &streams)?;
        self.prepared.remove(source);
        Ok(())
    }

    fn begin_run(&mut self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<()> {
        let left = |segment: &&Segment| {
            segment.source == *source && segment.run != *run && segment.phase != Phase::Sealed
        };
        let (dropped, kept): (Vec<Segment>, Vec<Segment>) =
            self.state.segments.values().filter(left).cloned().partition(Segment::is_hidden);
        let mut changes = self.publish(&kept)?;
        changes.extend(dropped.iter().map(|segment| Change::Drop(segment.id)));
        changes.push(Change::Run { source: source.clone(), run: run.clone(), streams: streams.to_vec() });
        self.log(changes)?;
        self.index.forget(source);
        Ok(())
    }

    /// Completes streams of a source.
    pub(super) fn finish(&mut self, finish: &Finish) -> Result<()> {
        self.attempt(|lake| lake.finish_streams(finish))?;
        self.settle()?;
        hit("ndjson.finish.settled");
        self.compact_if_long()
    }

    fn finish_streams(&mut self, finish: &Finish) -> Result<()> {
        hit("ndjson.finish.begin");
        self.take_over(&finish.run, &finish.source)?;
        let known = self.state.sources.get(&finish.source).filter(|known| known.run == finish.run);
        let Some(known) = known else {
            let (source, run) = (&finish.source, &finish.run);
            return Err(Error::conflict(format!("{source} is not being collected by run {run}"))
                .hint("another run has begun since; start again"));
        };
        let mut changes = Vec::new();
        for done in &finish.streams {
            // A stream without splits (nothing has changed) is finished too.
            let moved = known.splits.values().any(|split| split.stream == done.stream);
            if moved || !known.finished.contains(&done.stream) {
                let (source, stream) = (finish.source.clone(), done.stream.clone());
                changes.push(Change::Forget { source, stream });
            }
            let key = done.stream.as_str();
            if let Some(at) = done.start.as_ref().filter(|at| known.starts.get(key) != Some(at)) {
                let (source, key, at) = (finish.source.clone(), key.to_owned(), at.clone());
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
        let moved = |stream: &StreamName| known.splits.values().any(|split| split.stream == *stream);
        let replaced = |segment: &&Segment| {
            let spec = known.streams.iter().find(|spec| spec.name == segment.stream);
            segment.phase == Phase::Sealed
                && spec.is_some_and(|spec| spec.write_mode == WriteMode::Replace)
                && (segment.run != finish.run || moved(&segment.stream))
        };
        let replaced = self.state.segments.values().filter(of_finish).filter(replaced);
        changes.extend(replaced.map(|segment| Change::Drop(segment.id)));
        changes.extend(self.publish(&ready)?);
        if !changes.is_empty() {
            self.log(changes)?;
            self.index.forget(&finish.source);
            hit("ndjson.finish.manifest_written");
        }
        Ok(())
    }

    /// The changes that make segments in staging visible, without superseded rows. Files that they
    /// need are written and durable.
    fn publish(&mut self, ready: &[Segment]) -> Result<Vec<Change>> {
        let superseded = self.superseded_by(ready)?;
        hit("ndjson.finish.compared");
        let mut next = self.state.next;
        let mut changes = Vec::new();
        for (id, rows) in &superseded {
            let Some(segment) = self.state.segments.get(id) else { continue };
            changes.push(Change::Drop(*id));
            if rows.len() < segment.rows {
                let copy = rewrite(&self.layout, segment, rows, next, self.zstd)?;
                changes.push(Change::Segment(copy));
                next += 1;
                hit("ndjson.finish.rewritten");
            }
        }
        if next > self.state.next {
            sync_folder(&self.layout.staging())?;
        }
        let untouched = ready.iter().filter(|segment| !superseded.contains_key(&segment.id));
        changes.extend(untouched.map(|segment| Change::Seal(segment.id)));
        hit("ndjson.finish.synced");
        Ok(changes)
    }

    fn superseded_by(&self, ready: &[Segment]) -> Result<Superseded> {
        let segments: Vec<&Segment> = self.state.segments.values().collect();
        let is_new = |segment: &Segment| ready.iter().any(|new| new.id == segment.id);
        find_superseded(&self.layout, &segments, is_new)
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
