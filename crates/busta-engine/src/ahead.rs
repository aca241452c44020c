//! A page that is asked for before the pull that it is for: while the batch before it is taken apart and handed
//! on, so that a chain of pages takes as long as its server does.
//!
//! It is asked for on the place that the slot has, with a turn of its host and a part of the memory budget, and
//! at most one of them to a slot. The pull that it is for takes up the reservation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::{HostKey, Split};
use tokio::time::Instant;

use crate::budget::Reserved;
use crate::slot::SourceShared;

/// Pages larger than this are asked for one after another: what they take is not their way here, and each that is
/// under way is memory.
const MOST_BYTES: usize = 1 << 20;

/// What was asked for ahead.
pub struct Early {
    /// Its part of the memory budget.
    pub reserved: Reserved,
    /// Since when it is under way.
    pub since: Instant,
    /// Where it was asked for, as it was sent.
    pub url: String,
}

/// What a slot has asked for ahead, if anything.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Mutex<Option<Early>>>);

impl Ahead {
    /// Gives leave to ask for what may take `bytes`, if somebody will read it and `turn` is given by the host.
    pub fn begin(
        &self,
        shared: &SourceShared,
        split: &Split,
        host: &HostKey,
        bytes: usize,
        turn: impl FnOnce() -> bool,
    ) -> bool {
        let has_place = split.host.as_ref() == Some(host);
        let is_read = !shared.stop.is_cancelled() && !shared.allowance.contains_key(&split.stream);
        // What was found goes first where there is much of it, and then the slot and its place are given back.
        let goes_on = !shared.backlog.is_parent(&split.stream);
        let mut early = self.early();
        if !has_place || !is_read || !goes_on || bytes > MOST_BYTES || early.is_some() {
            return false;
        }
        let Some(reserved) = shared.budget.try_reserve(shared.batch_estimate().max(bytes)) else {
            return false;
        };
        let has_turn = turn();
        if has_turn {
            *early = Some(Early { reserved, since: Instant::now(), url: String::new() });
        }
        has_turn
    }

    /// Keeps `url` for the pull that it is for; false if nothing was asked for ahead.
    pub fn asks(&self, url: &str) -> bool {
        let mut early = self.early();
        if let Some(early) = early.as_mut() {
            url.clone_into(&mut early.url);
        }
        early.is_some()
    }

    /// Whether something is under way.
    pub fn is_some(&self) -> bool {
        self.early().is_some()
    }

    /// What was asked for, for its pull.
    pub fn take(&self) -> Option<Early> {
        self.early().take()
    }

    fn early(&self) -> MutexGuard<'_, Option<Early>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
