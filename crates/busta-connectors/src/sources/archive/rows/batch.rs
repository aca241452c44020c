//! What one pull brings together.

use std::ops::Range;

use busta_core::{Error, Failure, Origins, Records, Result, Stage};

use super::interval::Interval;
use super::maker::Identity;
use super::quality::Tally;

/// A batch is closed when it holds this many failures, each of which may keep up to 64 KiB.
const MAX_FAILURES: usize = 256;

/// A batch in the making.
pub(super) struct Gather {
    buffer: Vec<u8>,
    spans: Vec<Range<u32>>,
    origins: Origins,
    failures: Vec<Failure>,
    /// What stands before the number of a line: `a.zip:a.csv:`.
    place: String,
    interval: Option<Interval>,
    room: usize,
}

impl Gather {
    /// An empty batch for about `room` bytes of records.
    pub fn new(room: usize, interval: Option<Interval>) -> Self {
        Self {
            buffer: Vec::with_capacity(room + room / 16),
            spans: Vec::new(),
            origins: Origins::default(),
            failures: Vec::new(),
            place: String::new(),
            interval,
            room,
        }
    }

    /// The rows to come are of this text.
    pub fn enter(&mut self, place: &str) {
        self.place = format!("{place}:");
        self.origins.enter(&*self.place);
    }

    pub fn is_full(&self) -> bool {
        self.buffer.len() >= self.room || self.failures.len() >= MAX_FAILURES
    }

    /// Adds the record that `make` appends; nothing if it fails.
    #[inline]
    pub fn make(
        &mut self,
        line: u64,
        tally: &mut Tally,
        make: impl FnOnce(&mut Vec<u8>) -> Result<Identity>,
    ) -> Result<()> {
        let start = self.buffer.len();
        match make(&mut self.buffer) {
            Ok(identity) => {
                self.origins.note(self.spans.len(), line);
                // A batch ends at a few MiB, and no row is larger than `MAX_RECORD`.
                self.spans.push(start as u32..self.buffer.len() as u32);
                tally.row(identity.time, identity.key, self.interval);
                Ok(())
            }
            Err(error) => {
                self.buffer.truncate(start);
                Err(error)
            }
        }
    }

    /// Adds a row that is no record.
    #[cold]
    pub fn bad(&mut self, line: u64, error: &Error, payload: &[u8], tally: &mut Tally) {
        tally.failed();
        let position = format!("{}{line}", self.place);
        self.failures.push(Failure::item(Stage::Parse, position, error, Some(payload)));
    }

    /// The records and the failures.
    pub fn finish(self) -> (Records, Vec<Failure>) {
        let records = Records::from_spans(self.buffer.into(), self.spans).with_origins(self.origins);
        (records, self.failures)
    }
}
