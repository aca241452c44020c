//! NDJSON (JSON Lines): one object a line. A bad line is passed over; the next one stands for itself.

use memchr::memchr;

use super::{Cut, CutterPlace, check_object, json, too_large};

/// Cuts lines into records.
#[derive(Debug, Default)]
pub struct NdjsonCutter {
    line: u64,
    skipping: bool,
}

impl NdjsonCutter {
    pub(super) fn next(&mut self, window: &[u8], end: bool) -> (usize, Cut) {
        let mut used = 0;
        loop {
            let rest = &window[used..];
            let (line, taken) = match memchr(b'\n', rest) {
                Some(at) => (&rest[..at], at + 1),
                None if rest.is_empty() && end => return (used, Cut::End),
                None if end => (rest, rest.len()),
                None if self.skipping => return (window.len(), Cut::More),
                None => return (used, Cut::More),
            };
            used += taken;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            self.line += 1;
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let start = text.as_ptr() as usize - window.as_ptr() as usize;
            let span = start..start + text.len();
            return match check_object(text) {
                Ok(()) => (used, Cut::Record(span)),
                Err(error) => (used, Cut::Bad { span, place: self.line.to_string(), error }),
            };
        }
    }

    pub(super) fn give_up(&mut self, window: &[u8]) -> (usize, Cut) {
        self.line += 1;
        self.skipping = true;
        let error = too_large();
        (window.len(), Cut::Bad { span: 0..window.len(), place: self.line.to_string(), error })
    }

    pub(super) fn number(&self) -> u64 {
        self.line
    }

    pub(super) fn place(&self) -> Option<CutterPlace> {
        (!self.skipping).then_some(CutterPlace { count: self.line, state: json::Place::Top })
    }

    pub(super) fn restore(&mut self, place: CutterPlace) {
        self.line = place.count;
    }
}
