//! Checkpoints: what the destination knows about how far each split is.
//!
//! There are two scopes. Within a run, each split has a [`Position`]; it is committed with the
//! records it covers and forgotten when the source's part of the run is complete. Across runs, a
//! source keeps **start cursors**: where the next run starts (the newest cursor value of a stream
//! or split, the ETag of a feed, the size and mtime of a file), by a key of the connector's choosing.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::cursor::{Cursor, CursorValue};
use crate::cursors::Cursors;
use crate::ids::{SplitId, StreamName};
use crate::split::Split;

/// How far a split is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Nothing of it is committed yet.
    Start,
    /// Everything up to this cursor is committed.
    At(Cursor),
    /// All of it is committed.
    Done,
}

/// A step of the checkpoint: a split moves from one position to the next.
///
/// The destination accepts it only if the split stands at `from`. It answers "already committed" if
/// the split stands at `to`, and a conflict otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The split that moves.
    pub split: SplitId,
    /// Where it was when the records were read.
    pub from: Position,
    /// Where it is once they are committed.
    pub to: Position,
}

/// What is stored about one split of the current run.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitState {
    /// How far it is.
    pub position: Position,
    /// The newest value of the stream's cursor field among its committed records.
    pub high: Option<CursorValue>,
    /// The split itself, if it was found while another was read: planning does not name it again. Of one that is
    /// done, without its payload ([`Split::emptied`]): that may be large, and nobody opens it again.
    pub found: Option<Split>,
}

/// All that a destination has stored about one source.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// The splits of the current run that have moved, or were found while reading.
    pub splits: HashMap<SplitId, SplitState>,
    /// The streams that the current run has finished already: a part of a run that is tried again
    /// must not read them once more, although their splits' positions are forgotten.
    pub finished: HashSet<StreamName>,
    /// Start cursors, by the connector's keys.
    pub starts: Cursors,
}

impl Checkpoint {
    /// How far `split` is.
    pub fn position(&self, split: &SplitId) -> Position {
        self.splits.get(split).map_or(Position::Start, |state| state.position.clone())
    }

    /// The start cursor stored under `key`.
    pub fn start(&self, key: &str) -> Option<Cursor> {
        self.starts.get(key)
    }
}
