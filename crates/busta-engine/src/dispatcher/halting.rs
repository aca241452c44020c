//! Ending one source's part of a run by its own settings: its budget, or too many failures in a row.

use busta_core::Error;
use busta_core::event::Action;
use busta_core::report::{Stopped, StoppedBy};
use busta_core::secret::redact;

use super::Dispatcher;
use crate::slot::Work;
use crate::spending;

impl Dispatcher {
    /// The work that was planned, if the source's budget pays for it. Tells what it is expected to take.
    pub(super) fn within_budget(&mut self, index: usize, work: Vec<Work>) -> Vec<Work> {
        let ledger = &mut self.ledgers[index];
        let Some(budget) = ledger.budget else { return work };
        ledger.estimate = ledger.expected_requests(&work);
        let (estimate, splits) = (ledger.estimate, work.len() as u64);
        let too_much = estimate.and_then(|estimate| spending::too_much(&budget, estimate));
        self.emit(Action::Found, Some(index), |event| {
            event.count = Some(splits);
            event.message = Some(match estimate {
                Some(requests) => format!("splits, which are expected to take {}", budget.words(requests)),
                None => "splits; how many requests they take is not known yet".to_owned(),
            });
        });
        let Some(error) = too_much else { return work };
        self.refuse(index, &error);
        for work in work {
            self.ledgers[index].split_left(&work.split.stream);
        }
        Vec::new()
    }

    /// The source is not collected, since its budget does not allow it.
    pub(super) fn refuse(&mut self, index: usize, error: &Error) {
        let reason = redact(&error.to_string()).into_owned();
        let ledger = &mut self.ledgers[index];
        ledger.stopped = Some(Stopped { by: StoppedBy::Budget, reason: reason.clone() });
        ledger.break_off(error);
        self.emit(Action::Error, Some(index), |event| {
            event.error = Some(error.kind());
            event.message = Some(reason);
        });
    }

    /// Ends a source's part of the run if its budget has refused a request.
    pub(super) fn heed_budget(&mut self, index: usize) {
        if self.ledgers[index].stopped.is_some() {
            return;
        }
        let Some(reason) = self.ledgers[index].meter.refused() else { return };
        tracing::info!(source = self.ledgers[index].shared.name.as_str(), "{reason}");
        self.emit(Action::Warning, Some(index), |event| event.message = Some(reason.clone()));
        self.halt(index, Stopped { by: StoppedBy::Budget, reason });
    }

    /// A split has failed for good. Ends its source's part of the run, and with it its schedule, after too many
    /// of them in a row.
    pub(super) fn heed_failure(&mut self, index: usize) {
        let ledger = &mut self.ledgers[index];
        ledger.failed_in_a_row += 1;
        let Some(reason) = ledger.too_many_failures().filter(|_| ledger.stopped.is_none()) else { return };
        let failures = u64::from(ledger.failed_in_a_row);
        self.emit(Action::Paused, Some(index), |event| {
            event.count = Some(failures);
            event.message = Some(reason.clone());
        });
        self.halt(index, Stopped { by: StoppedBy::Failures, reason });
    }

    /// Leaves what waits; what is being read comes to the end of its batch.
    fn halt(&mut self, index: usize, stopped: Stopped) {
        let ledger = &mut self.ledgers[index];
        ledger.stopped = Some(stopped);
        ledger.shared.stop.cancel();
        self.leave(|lane| lane.source == index);
    }
}
