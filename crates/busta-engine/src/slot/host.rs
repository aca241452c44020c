//! What a slot tells its host, and asks of it.

use busta_core::event::Action;
use busta_core::{Error, ErrorKind};
use tokio::time::Instant;

use super::{Leave, Parked, Slot, Work};
use crate::hosts::{self, Change, Refusal};

impl Slot {
    /// When to come back, if the host does not let the next request pass now.
    pub(super) fn wait_for_turn(&self, work: &Work) -> Option<Leave> {
        let (host, place) = work.split.host.as_ref().zip(work.place)?;
        if work.reader.as_ref().is_some_and(|reader| !reader.asks()) {
            return None;
        }
        match self.shared.hosts.next(host, place, Instant::now()) {
            Ok(()) => None,
            Err(Refusal::Until(until) | Refusal::Paused(until)) => {
                Some(Leave::Parked(Some(until), Parked::Turn))
            }
            Err(Refusal::Full) => Some(Leave::Parked(None, Parked::Turn)),
        }
    }

    pub(super) fn host_answered(&self, work: &Work) {
        if let Some(host) = &work.split.host {
            self.report_circuit(work, self.shared.hosts.succeeded(host));
        }
    }

    pub(super) fn host_failed(&self, work: &Work, error: &Error) {
        let Some((host, place)) = work.split.host.as_ref().zip(work.place) else { return };
        let change = match error.kind() {
            ErrorKind::Unavailable => self.shared.hosts.failed(host, place, Instant::now()),
            ErrorKind::RateLimited | ErrorKind::Cancelled | ErrorKind::Bug => None,
            // It answered, if not what we wanted to hear: the host itself is well.
            _ => self.shared.hosts.succeeded(host),
        };
        self.report_circuit(work, change);
    }

    fn report_circuit(&self, work: &Work, change: Option<Change>) {
        let Some(change) = change else { return };
        let host = work.split.host.as_ref().map_or("", hosts::shown);
        let (action, pause) = match change {
            Change::Opened(pause) => (Action::Paused, Some(pause)),
            Change::Closed => (Action::Resumed, None),
        };
        self.emit(action, &work.split, |event| {
            event.worker_id = 0;
            event.duration_ms = pause.and_then(|pause| u64::try_from(pause.as_millis()).ok());
            event.message = Some(host.to_owned());
        });
    }
}
