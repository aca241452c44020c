//! What the committers report.

use std::sync::atomic::Ordering;

use busta_core::event::Action;
use busta_core::{Error, Stage};
use tokio::task::JoinError;

use super::Dispatcher;
use crate::committer::{ChunkReceipt, End, Receipt};
use crate::ledger::Phase;

impl Dispatcher {
    pub(super) fn take_receipt(&mut self, receipt: Receipt) {
        match receipt {
            Receipt::Chunk(receipt) => self.chunk_committed(*receipt),
            Receipt::Finish(index, result) => {
                if let Err(error) = result {
                    self.break_off(index, &error);
                }
                self.end(index);
            }
            Receipt::Schema(changes) => {
                for change in changes {
                    self.emit(Action::Schema, None, |event| {
                        event.message = Some(format!("{}: {}", change.table, change.change));
                    });
                }
            }
        }
    }

    pub(super) fn chunk_committed(&mut self, receipt: ChunkReceipt) {
        let ChunkReceipt { worker, source, stream, split, end, result, nothing, failures, found, high } =
            receipt;
        let ledger = &mut self.ledgers[source];
        let shared = ledger.shared.clone();
        ledger.shared.outstanding.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(committed) => {
                ledger.meter.landed(&stream, &committed, failures);
                ledger.landed(&stream, &committed);
                if !committed.already {
                    ledger.failures += failures;
                }
                if !nothing {
                    let done = (end == Some(End::Done)).then_some(&split.id);
                    ledger.committed(&stream, done, high);
                }
                if let Some(end) = end {
                    ledger.split_ended(&stream, end);
                }
                if end == Some(End::Done) {
                    ledger.meter.split_done();
                }
                let work = ledger.found(found);
                self.enqueue(source, work);
                for (action, count) in [
                    (Action::Inserted, committed.inserted),
                    (Action::Updated, committed.updated),
                    (Action::Deduped, committed.deduped),
                ] {
                    if count > 0 {
                        self.emit(action, Some(source), |event| {
                            shared.describe(event, &split);
                            event.worker_id = worker;
                            event.count = Some(count);
                        });
                    }
                }
                if let Some(End::Done) = end {
                    self.emit(Action::Complete, Some(source), |event| {
                        shared.describe(event, &split);
                        event.worker_id = worker;
                    });
                }
            }
            Err(error) => {
                if end.is_some() {
                    ledger.split_ended(&stream, End::Failed);
                }
                self.break_off(source, &error);
            }
        }
    }

    /// Nothing more of a source can be collected: its destination has failed, or somebody else moves
    /// its splits.
    pub(super) fn break_off(&mut self, index: usize, error: &Error) {
        if !self.ledgers[index].break_off(error) {
            return;
        }
        self.emit(Action::Error, Some(index), |event| {
            event.error = Some(error.kind());
            event.stage = Some(Stage::Write);
            event.message = Some(busta_core::secret::redact(&error.to_string()).into_owned());
        });
        self.leave(|lane| lane.source == index);
    }

    /// A committer never ends before its senders are gone, unless a destination panics.
    pub(super) fn committer_died(&mut self, error: &JoinError) {
        let error = Error::bug(format!("a destination has panicked: {error}"));
        for index in 0..self.ledgers.len() {
            if self.ledgers[index].shared.orders.is_closed() {
                self.break_off(index, &error);
                self.ledgers[index].shared.outstanding.store(0, Ordering::Relaxed);
                self.ledgers[index].open = self.ledgers[index].in_slots;
                if self.ledgers[index].phase == Phase::Finishing {
                    self.end(index);
                }
            }
        }
    }
}
