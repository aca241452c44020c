//! The newest row of each key of the streams that are being written, in memory, to say of each record
//! whether it is new, changed or already there.
//!
//! It only counts: what is stored does not depend on it. Streams are indexed from their sidecars when
//! their first rows are committed, as long as all keys fit into [`MAX_KEYS`].

use std::collections::BTreeMap;

use busta_core::{Committed, Result, RunId, SourceName, StreamName, WriteMode};

use super::finish::domain_run;
use super::keys::{KeyMap, RowKey};
use super::layout::Layout;
use super::merge::RowKeys;
use super::segment::{Phase, RowKeySpec, Segment};
use super::state::State;

/// How many keys are held in all: about 40 MB.
const MAX_KEYS: u64 = 400_000;

/// Rows that compete with each other: those of one table and source, and of a replace stream those of
/// its run.
type Domain = (String, SourceName, Option<(RunId, StreamName)>);

/// The newest rows of some streams.
#[derive(Default)]
pub(super) struct KeyIndex {
    /// `None` for those that are too large.
    domains: BTreeMap<Domain, Option<KeyMap<RowKey>>>,
    keys: u64,
}

impl KeyIndex {
    /// Counts records that are about to be committed to `segment`, in the order in which they came.
    pub(super) fn count(
        &mut self,
        layout: &Layout,
        state: &State,
        segment: &Segment,
        met: &[RowKey],
        committed: &mut Committed,
    ) -> Result<()> {
        let Some(spec) = &segment.key else { return Ok(()) };
        let run = domain_run(segment).map(|(run, stream)| (run.clone(), stream.clone()));
        let domain = (segment.table.clone(), segment.source.clone(), run);
        if !self.domains.contains_key(&domain) {
            let loaded = self.load(layout, state, &domain, spec)?;
            self.keys += loaded.as_ref().map_or(0, |keys| keys.len() as u64);
            self.domains.insert(domain.clone(), loaded);
        }
        let fits = self.keys + met.len() as u64 <= MAX_KEYS;
        let Some(place) = self.domains.get_mut(&domain) else { return Ok(()) };
        let Some(keys) = place.as_mut().filter(|_| fits) else {
            self.keys -= place.take().map_or(0, |keys| keys.len() as u64);
            committed.inserted += met.len() as u64;
            return Ok(());
        };
        let before = keys.len() as u64;
        for key in met {
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
        Ok(())
    }

    /// Forgets a source's rows: its streams have been completed, or have begun anew.
    pub(super) fn forget(&mut self, source: &SourceName) {
        self.domains.retain(|domain, _| domain.1 != *source);
        self.keys = self.domains.values().flatten().map(|keys| keys.len() as u64).sum();
    }

    fn load(
        &self,
        layout: &Layout,
        state: &State,
        domain: &Domain,
        spec: &RowKeySpec,
    ) -> Result<Option<KeyMap<RowKey>>> {
        let mut segments: Vec<&Segment> =
            state.segments.values().filter(|segment| belongs(segment, domain)).collect();
        segments.sort_by_key(|segment| (segment.order, segment.id));
        let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
        if self.keys + rows > MAX_KEYS {
            return Ok(None);
        }
        let mut keys: KeyMap<RowKey> = KeyMap::default();
        for segment in segments {
            let mut rows = RowKeys::open(layout, segment, spec)?;
            for _ in 0..segment.rows {
                let Some(key) = rows.next()? else { continue };
                if keys.get(&key.hash).is_none_or(|known| known.yields_to(&key)) {
                    keys.insert(key.hash, key);
                }
            }
        }
        Ok(Some(keys))
    }
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
