//! A split on its way through slots, and why it leaves one.

use std::sync::Arc;

use busta_core::{CursorValue, Error, Position, Reader, Split};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Last;
use crate::backlog::Held;
use crate::hosts::Place;
use crate::retry::Tries;

/// How many batches of a split may be on their way to the destination while the next one is read: what
/// is not committed is read again after a crash. One is enough to read while writing, so a batch that
/// took its time takes the whole allowance, and a kill costs that page and the one under way. Quick ones
/// share it: to read them again costs nothing, and the destination gets more to write with one sync.
pub(super) const READ_AHEAD: u32 = 24;

/// A split that waits or is being read.
pub struct Work {
    pub split: Arc<Split>,
    /// How far its batches have been handed to the committer.
    pub position: Position,
    pub high: Option<CursorValue>,
    /// Since the last batch.
    pub tries: Tries,
    /// What it has yielded in this run.
    pub batches: u64,
    pub records: u64,
    /// Since when it waits without a slot.
    pub(super) parked: Option<Instant>,
    /// Kept while it waits only for its turn.
    pub reader: Option<Box<dyn Reader>>,
    pub deadline: Option<Instant>,
    /// Its place at its host, while it is read.
    pub place: Option<Place>,
    /// The destination knows of it, or may: its end is to be recorded even if it yields nothing.
    pub(super) recorded: bool,
    pub(super) ahead: Arc<Semaphore>,
    /// What it takes of the room for splits that wait, as long as it is there.
    _held: Option<Held>,
}

impl Work {
    /// A split that goes on after `position`.
    pub fn new(split: Split, position: Position, high: Option<CursorValue>, recorded: bool) -> Self {
        Self {
            split: Arc::new(split),
            position,
            high,
            tries: Tries::default(),
            batches: 0,
            records: 0,
            parked: None,
            reader: None,
            deadline: None,
            place: None,
            recorded,
            ahead: Arc::new(Semaphore::new(READ_AHEAD as usize)),
            _held: None,
        }
    }

    /// The same work, which takes `held` until it is dropped.
    pub fn holding(self, held: Option<Held>) -> Self {
        Self { _held: held, ..self }
    }

    /// Which attempt at its next batch this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.tries.attempt()
    }
}

/// Why a slot was given back.
pub enum Outcome {
    /// It was read to its end. The last chunk is with the committer, or is this one.
    Ended(Option<Box<Last>>),
    /// The failure is with the committer.
    Failed(Error),
    /// It goes on at a time, or as soon as its host has room.
    Parked { work: Work, until: Option<Instant>, why: Parked },
    /// The run stops; the split goes on when the run is resumed.
    Stopped,
    /// The stream has what the run's limit allows.
    Limited,
}

/// Why a split is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// After an error.
    Retry,
    /// The host asked for it.
    RateLimited,
    /// The configured rate, or an open circuit.
    Turn,
    /// So many splits were found in its stream that they go first.
    Backlog,
}

/// `work` without a slot from now on.
pub(super) fn parked(work: Work, until: Option<Instant>, why: Parked) -> Outcome {
    Outcome::Parked { work: Work { parked: Some(Instant::now()), ..work }, until, why }
}
