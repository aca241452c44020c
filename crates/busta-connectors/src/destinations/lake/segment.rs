//! Segments: the files that hold rows, as the manifest describes them.

use busta_core::{RunId, SourceName, StreamName, StreamSpec, WriteMode};
use serde::{Deserialize, Serialize};

use super::format::Form;

/// One file of rows of one stream of one source, written by one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Its number, never used twice in a destination.
    pub(super) id: u64,
    /// Where its rows stand among those of other segments: its own number, or that of the file which
    /// it is a rewritten copy of.
    pub(super) order: u64,
    pub(super) table: String,
    pub(super) source: SourceName,
    pub(super) stream: StreamName,
    pub(super) run: RunId,
    pub(super) mode: WriteMode,
    /// How its rows are told apart; `None` if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<RowKeySpec>,
    /// How its rows lie in its file.
    #[serde(default)]
    pub(super) form: Form,
    /// The folder below its table's where the complete file belongs; empty for the table's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) folder: String,
    /// Fields that all rows have, as JSON, and that are not in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fixed: Vec<(String, String)>,
    /// How many rows are committed.
    pub(super) rows: u64,
    /// How many bytes are committed; what lies behind them in the file is not.
    pub(super) bytes: u64,
    pub(super) phase: Phase,
}

/// How far a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// In staging, and growing.
    Open,
    /// In staging, at its full size, waiting for the finish that makes it visible.
    Full,
    /// In the table's folder, or on its way there.
    Sealed,
}

/// Which top-level fields identify a row, which says what is newer, and which do not make it another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct RowKeySpec {
    pub(super) fields: Vec<String>,
    /// Those of them that a row may lack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) optional: Vec<String>,
    pub(super) cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ignored: Vec<String>,
}

impl RowKeySpec {
    /// How the rows of a stream are told apart. Appended rows never are.
    pub(super) fn of(spec: &StreamSpec) -> Option<Self> {
        spec.has_key().then(|| Self {
            fields: spec.primary_key.clone(),
            optional: spec.primary_key.iter().filter(|field| spec.may_lack(field)).cloned().collect(),
            cursor: spec.cursor_field.clone(),
            ignored: spec.dataset.ignore_changes.clone(),
        })
    }
}

impl Segment {
    /// Whether its rows count only once their stream is finished.
    pub(super) fn is_hidden(&self) -> bool {
        self.mode == WriteMode::Replace && self.phase != Phase::Sealed
    }

    /// Whether it may be moved into the table's folder before its stream is finished.
    pub(super) fn seals_early(&self) -> bool {
        self.mode == WriteMode::Append
    }

    /// Whether rows of a stream with this specification may be appended to it.
    pub(super) fn takes(&self, run: &RunId, spec: &StreamSpec, log: Form) -> bool {
        self.phase == Phase::Open
            && self.run == *run
            && self.table == spec.table
            && self.mode == spec.write_mode
            && self.key == RowKeySpec::of(spec)
            && self.form == log
    }
}
