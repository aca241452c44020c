//! Neighbouring runs that are becoming one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::Range;

use super::runs::{Out, Run};

/// A merge, somewhere between its beginning and its end.
pub(super) struct Merge {
    /// Which runs, by their places among all.
    of: Range<usize>,
    inputs: Vec<Run>,
    /// The time of the next row of each input. Of rows of one time, those of the earlier run stand first.
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    out: Out,
}

impl Merge {
    pub fn new(of: Range<usize>, inputs: Vec<Run>, out: Out) -> Self {
        let heap =
            inputs.iter().enumerate().filter_map(|(index, run)| Some(Reverse((run.time?, index)))).collect();
        Self { of, inputs, heap, out }
    }

    /// Writes rows of so many bytes, which are taken from `left`; whether others follow.
    pub fn goes_on(&mut self, left: &mut u64) -> io::Result<bool> {
        while *left > 0 {
            let Some(Reverse((time, index))) = self.heap.pop() else { return Ok(false) };
            let run = &mut self.inputs[index];
            self.out.push(time, &run.row)?;
            *left = left.saturating_sub(run.row.len() as u64);
            run.step()?;
            self.heap.extend(run.time.map(|time| Reverse((time, index))));
        }
        Ok(!self.heap.is_empty())
    }

    /// How many runs are open.
    #[cfg(test)]
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Which runs it was of, and what it has made.
    pub fn into_parts(self) -> (Range<usize>, Out) {
        (self.of, self.out)
    }
}
