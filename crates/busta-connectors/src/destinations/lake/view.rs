//! What a reader sees: the committed rows at one moment, whether the destination is being written by
//! this process, by another one, or by none.

use std::collections::BTreeMap;
use std::sync::Arc;

use busta_core::Result;

use super::columns::Columns;
use super::failures::Log;
use super::finish::find_superseded;
use super::layout::Layout;
use super::manifest::Manifest;
use super::merge::Superseded;
use super::segment::{Phase, Segment};
use super::state::State;
use super::writer::Lake;

/// Committed rows at one moment.
pub(super) struct View {
    pub(super) layout: Layout,
    pub(super) tables: Vec<String>,
    pub(super) columns: BTreeMap<String, Columns>,
    pub(super) primary_keys: BTreeMap<String, Vec<String>>,
    pub(super) failures: Log,
    segments: Vec<Segment>,
    /// Keeps dropped files from being removed; a reader of another process's folder has none, and
    /// may find that files are gone when a stream is finished meanwhile.
    pin: Option<Arc<()>>,
}

impl View {
    /// What `lake` has committed.
    pub(super) fn of(lake: &Lake) -> Self {
        let mut view = Self::from_state(&lake.layout, &lake.state, Some(lake.pin()));
        for spec in lake.prepared.streams.values().flatten() {
            if let Err(place) = view.tables.binary_search(&spec.table) {
                view.tables.insert(place, spec.table.clone());
            }
        }
        view
    }

    /// What the folder's manifest holds now. Changes nothing and waits for nobody.
    pub(super) fn read(layout: &Layout) -> Result<Self> {
        Ok(Self::from_state(layout, &Manifest::read(layout)?.0, None))
    }

    fn from_state(layout: &Layout, state: &State, pin: Option<Arc<()>>) -> Self {
        let mut segments: Vec<Segment> =
            state.segments.values().filter(|segment| !segment.is_hidden()).cloned().collect();
        segments.sort_by_key(|segment| (segment.order, segment.id));
        let specs = state.sources.values().flat_map(|source| &source.streams);
        Self {
            layout: layout.clone(),
            tables: state.tables(),
            columns: state.columns.clone(),
            primary_keys: specs.map(|spec| (spec.table.clone(), spec.primary_key.clone())).collect(),
            failures: state.failures,
            segments,
            pin,
        }
    }

    /// The segments of a table, in the order of their rows.
    pub(super) fn segments(&self, table: &str) -> Vec<&Segment> {
        self.segments.iter().filter(|segment| segment.table == table).collect()
    }

    /// The segments of all tables.
    pub(super) fn all_segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    /// The rows of a table that merged rows in staging have superseded; the finish will remove them.
    pub(super) fn superseded(&self, table: &str) -> Result<Superseded> {
        find_superseded(&self.layout, &self.segments(table), |segment| segment.phase != Phase::Sealed)
    }

    /// Held as long as files of this view are read.
    pub(super) fn pin(&self) -> Option<Arc<()>> {
        self.pin.clone()
    }
}
