//! What is stored of the streams that are being written, in memory, to say of each record whether it is new,
//! changed or already there.
//!
//! A batch in which nothing is new is not written, so counting must not err. As long as every batch is in the order of
//! its keys and its [`Span`] meets no other, all its records are new, and spans are all that is held. Otherwise the
//! newest row of each key is, as long as all keys fit into [`MAX_KEYS`].

use std::collections::BTreeMap;

use busta_core::{Committed, Result, RunId, SourceName, StreamName, WriteMode};

use super::finish::domain_run;
use super::keys::{KeyMap, RowKey};
use super::layout::Layout;
use super::merge::{RowKeys, each_span};
use super::segment::{Phase, RowKeySpec, Segment};
use super::span::{Span, SpanSet};
use super::stage::Rows;

/// How many keys are held in all: about 40 MB.
const MAX_KEYS: u64 = 400_000;

/// Rows that compete with each other: those of one table and source, and of a replace stream those of
/// its run.
type Domain = (String, SourceName, Option<(RunId, StreamName)>);

/// What is known of some streams.
#[derive(Default)]
pub(super) struct KeyIndex {
    domains: BTreeMap<Domain, Known>,
    keys: u64,
}

/// What is known of the rows of a domain.
enum Known {
    /// Between which keys they are; all of the same kind.
    Spans { kind: Option<Span>, spans: SpanSet },
    /// The newest of them.
    Keys(KeyMap<RowKey>),
    /// Nothing: there are too many.
    Nothing,
}

/// What is stored.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) layout: &'a Layout,
    /// The segments as they are committed,
    pub(super) segments: &'a BTreeMap<u64, Segment>,
    /// and as they are going to be, where they have grown.
    pub(super) grown: &'a BTreeMap<u64, Segment>,
}

impl Stored<'_> {
    /// The segments of a domain in the order of their rows.
    fn of(&self, domain: &Domain) -> Vec<&Segment> {
        let committed = self.segments.values().filter(|segment| !self.grown.contains_key(&segment.id));
        let all = committed.chain(self.grown.values());
        let mut segments: Vec<&Segment> =
            all.filter(|segment| segment.rows > 0 && belongs(segment, domain)).collect();
        segments.sort_by_key(|segment| (segment.order, segment.id));
        segments
    }
}

impl KeyIndex {
    /// Counts records that are about to be committed to `segment`, in the order in which they came.
    pub(super) fn count(
        &mut self,
        stored: Stored,
        segment: &Segment,
        rows: &Rows,
        committed: &mut Committed,
    ) -> Result<()> {
        let Some(spec) = &segment.key else { return Ok(()) };
        let run = domain_run(segment).map(|(run, stream)| (run.clone(), stream.clone()));
        let domain = (segment.table.clone(), segment.source.clone(), run);
        let known = match self.domains.remove(&domain) {
            Some(known) => known,
            None => match spans_of(stored, &domain, spec)? {
                Some(spans) => spans,
                None => self.keys_of(stored, &domain, spec)?,
            },
        };
        let known = self.count_in(known, stored, (&domain, spec), rows, committed)?;
        self.domains.insert(domain, known);
        Ok(())
    }

    fn count_in(
        &mut self,
        mut known: Known,
        stored: Stored,
        (domain, spec): (&Domain, &RowKeySpec),
        rows: &Rows,
        committed: &mut Committed,
    ) -> Result<Known> {
        if let Known::Spans { kind, spans } = &mut known {
            let ascending = rows.span.as_ref().filter(|_| rows.met.is_none());
            let alike = ascending.filter(|span| kind.as_ref().is_none_or(|kind| kind.is_like(span)));
            if let Some(span) = alike.filter(|span| !spans.meets(span)) {
                kind.get_or_insert_with(|| span.clone());
                spans.insert(span.clone());
                committed.inserted += rows.rows;
                return Ok(known);
            }
            known = self.keys_of(stored, domain, spec)?;
        }
        let Known::Keys(mut keys) = known else {
            committed.inserted += rows.came();
            return Ok(Known::Nothing);
        };
        let before = keys.len() as u64;
        if self.keys + rows.came() > MAX_KEYS {
            self.keys -= before;
            committed.inserted += rows.came();
            return Ok(Known::Nothing);
        }
        for key in rows.met(spec).iter() {
            match keys.get(&key.hash) {
                None => committed.inserted += 1,
                Some(known) if known.yields_to(key) => committed.updated += 1,
                Some(_) => {
                    committed.deduped += 1;
                    continue;
                }
            }
            keys.insert(key.hash, key.clone());
        }
        self.keys += keys.len() as u64 - before;
        Ok(Known::Keys(keys))
    }

    /// Forgets a source's rows: its streams have been completed, or have begun anew.
    pub(super) fn forget(&mut self, source: &SourceName) {
        self.domains.retain(|domain, _| domain.1 != *source);
        let held = |known: &Known| if let Known::Keys(keys) = known { keys.len() as u64 } else { 0 };
        self.keys = self.domains.values().map(held).sum();
    }

    /// The newest rows of a domain, if they fit.
    fn keys_of(&mut self, stored: Stored, domain: &Domain, spec: &RowKeySpec) -> Result<Known> {
        let segments = stored.of(domain);
        let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
        if self.keys + rows > MAX_KEYS {
            return Ok(Known::Nothing);
        }
        let mut keys: KeyMap<RowKey> = KeyMap::default();
        for segment in segments {
            let mut rows = RowKeys::open(stored.layout, segment, spec)?;
            while let Some(block) = rows.block()? {
                rows.each(&block, |_, key| {
                    if keys.get(&key.hash).is_none_or(|known| known.yields_to(&key)) {
                        keys.insert(key.hash, key);
                    }
                })?;
            }
        }
        self.keys += keys.len() as u64;
        Ok(Known::Keys(keys))
    }
}

/// Between which keys the rows of a domain are; `None` if that is not known of all, or they are of several kinds.
fn spans_of(stored: Stored, domain: &Domain, spec: &RowKeySpec) -> Result<Option<Known>> {
    let (mut kind, mut spans): (Option<Span>, _) = (None, SpanSet::default());
    for segment in stored.of(domain) {
        let are_known = each_span(stored.layout, segment, spec, |span| {
            let span = span.filter(|span| kind.get_or_insert_with(|| Span::clone(span)).is_like(span));
            span.map(|span| spans.insert(span.clone())).is_some()
        })?;
        if !are_known {
            return Ok(None);
        }
    }
    Ok(Some(Known::Spans { kind, spans }))
}

fn belongs(segment: &Segment, (table, source, run): &Domain) -> bool {
    let here = segment.table == *table && segment.source == *source;
    here && match run {
        Some((run, stream)) => {
            segment.run == *run && segment.stream == *stream && segment.phase != Phase::Sealed
        }
        None => segment.mode == WriteMode::Merge,
    }
}
