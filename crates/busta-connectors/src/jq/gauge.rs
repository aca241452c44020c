//! How much a program may do.
//!
//! Counted is work, not time, so that the same record has the same outcome everywhere: jaq looks up every term
//! that it evaluates, and each look-up is a step; operations that make large values count for more. The
//! interpreter cannot be told to stop, so a program that has used up its steps is left by unwinding, which no
//! `try` of the program sees and no panic hook tells of.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use busta_core::Error;
use jaq_core::data::HasLut;
use jaq_core::{DataT, Lut};
use jaq_json::Val;

use crate::formats::MAX_RECORD;

/// The steps that every record has for itself.
const STEPS: u64 = 5_000;

/// The steps that it has for each of its bytes: to look at every value that it holds, several times.
const STEPS_PER_BYTE: u64 = 16;

/// The steps that a record may take beyond its own, a tenth of a second's work. Once one of a batch has used them
/// up, the others of the batch have only their own: a program that never ends may not take that time for each.
const SPARE: u64 = 1_000_000;

/// A step makes so many bytes of a large value.
pub(super) const BYTES_PER_STEP: u64 = 16;

/// A step looks through so many bytes of a value, as they would be written.
const BYTES_SEEN_PER_STEP: u64 = 256;

/// By how much a program may make values longer that are there already, in all, as they would be written.
const MAX_PUT: u64 = 8 * MAX_RECORD as u64;

/// What a recursion may take of a thread's stack, of which tokio's have 2 MiB.
const STACK: usize = 1 << 20;

thread_local! {
    /// What is left of [`SPARE`] in the batch that this thread is at.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A batch of records, as long as it lives: what the programs that this thread runs have in common.
pub struct Spare(Option<u64>);

impl Spare {
    /// Begins a batch.
    pub fn begin() -> Self {
        Self(LEFT.replace(Some(SPARE)))
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// The values of programs, and the gauge of the run that they belong to.
pub(super) struct Gauged;

impl DataT for Gauged {
    type V<'a> = Val;
    type Data<'a> = &'a Gauge<'a>;
}

/// What one run of a program may still do.
pub(super) struct Gauge<'a> {
    lut: &'a Lut<Gauged>,
    left: Cell<u64>,
    put: Cell<u64>,
    /// Where the stack was when it began.
    base: usize,
}

impl<'a> HasLut<'a, Gauged> for &'a Gauge<'a> {
    fn lut(&self) -> &'a Lut<Gauged> {
        self.charge(1);
        self.lut
    }
}

/// Why a program was left.
enum Spent {
    Steps,
    Size,
    Put,
    Depth,
}

impl Gauge<'_> {
    /// Takes off `steps`.
    pub fn charge(&self, steps: u64) {
        match self.left.get().checked_sub(steps) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                resume_unwind(Box::new(Spent::Steps))
            }
        }
        if here().abs_diff(self.base) > STACK {
            self.too_deep();
        }
    }

    /// Takes off what it costs to make so many bytes of a value that has `size` bytes then.
    pub fn make(&self, bytes: u64, size: u64) {
        if size > MAX_RECORD as u64 {
            resume_unwind(Box::new(Spent::Size));
        }
        self.charge(bytes / BYTES_PER_STEP);
    }

    /// Takes off what it costs to look through a value that has `bytes` when it is written.
    pub fn see(&self, bytes: u64) {
        if bytes > MAX_RECORD as u64 {
            resume_unwind(Box::new(Spent::Size));
        }
        self.charge(bytes / BYTES_SEEN_PER_STEP);
    }

    /// The same for one that takes the place of one with `before` in another. How long that one is then is not looked
    /// at, which would take as long as it is each time; but none is longer than what was made at once and what was put
    /// into it.
    pub fn put(&self, bytes: u64, before: u64) {
        self.put.set(self.put.get().saturating_add(bytes.saturating_sub(before)));
        if self.put.get() > MAX_PUT {
            resume_unwind(Box::new(Spent::Put));
        }
        self.see(bytes);
    }

    /// Leaves a program that goes too deep.
    pub fn too_deep(&self) -> ! {
        resume_unwind(Box::new(Spent::Depth))
    }
}

/// Runs a program on a record of so many bytes, as far as it may.
pub(super) fn gauged<T>(
    lut: &Lut<Gauged>,
    bytes: usize,
    run: impl FnOnce(&Gauge<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let own = STEPS + STEPS_PER_BYTE * bytes as u64;
    let spare = LEFT.get().unwrap_or(SPARE);
    let gauge = Gauge { lut, left: Cell::new(own + spare), put: Cell::new(0), base: here() };
    // What is unwound is seen by nobody afterwards: a program shares nothing but the gauge.
    catch_unwind(AssertUnwindSafe(|| run(&gauge))).unwrap_or_else(|panic| match panic.downcast::<Spent>() {
        Ok(spent) => {
            LEFT.set(LEFT.get().map(|_| gauge.left.get().min(spare)));
            Err(spent.error(own + spare, spare))
        }
        // Some of what jaq calls does not expect all that it may be given.
        Err(_) => Err(Error::data("the program cannot be run: what it calls has failed on this record")
            .hint("leave out its parts one by one, regular expressions with groups first")),
    })
}

impl Spent {
    fn error(&self, steps: u64, spare: u64) -> Error {
        let (message, hint) = match self {
            Self::Steps => (
                format!("the program does not end: it was left after {steps} steps"),
                match spare {
                    SPARE => "look for a recursion, `repeat`, `until` or `range` without an end",
                    _ => {
                        "a record before it in its batch has used up what they have in common: mend that first"
                    }
                },
            ),
            Self::Size => (
                format!("the program makes a value of more than {} MiB", MAX_RECORD >> 20),
                "look for a loop in which a text, a list or a number grows",
            ),
            Self::Put => (
                format!("the program adds more than {} MiB to values", MAX_PUT >> 20),
                "look for a loop that adds what it has added to already",
            ),
            Self::Depth => (
                "the program goes too deep".to_owned(),
                "look for a recursion without an end, or for one that is not the last thing that a definition does",
            ),
        };
        Error::data(message).hint(hint)
    }
}

/// Where the stack is.
#[inline]
fn here() -> usize {
    let mark = 0u8;
    ptr::from_ref(&mark).addr()
}
