//! When sources are collected by themselves.
//!
//! Nothing here runs, waits or stores: a [`Scheduler`] is told the time and says what is due and when to
//! ask again, so that every rule can be tested with a clock that only a test moves.
//!
//! A source has a *due* time, which its [`Schedule`] gives, and is started at its *start* time: the due
//! time and a jitter, and no sooner than `initial_delay` after the scheduler began. The jitter is drawn
//! from the source's name and the due time, so that it is the same after a restart.
//!
//! ```text
//!            due                 due(now)                  finished
//! planned ---------> started ----------------> running --------------> planned
//!    ^                  | running already                     |
//!    |                  v                                     | overlap: queue
//!    +------------ skipped, or remembered (once) <------------+
//! ```
//!
//! A time that nobody was there for (the process was down, the machine slept) is made up for once,
//! however many were missed, unless `catch_up` is off. What was due while a source was paused is not.

mod auto;
mod cron;
mod entry;
mod jitter;
mod plan;
mod scheduler;

pub use auto::{Observed, Pace};
pub use cron::CronTimes;
pub use plan::{Overlap, Schedule, When};
pub use scheduler::{Due, DueKind, Scheduled, Scheduler};
