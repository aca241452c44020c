//! Control state: which runs there were, how they ended, and how long splits took.
//!
//! The destination is the truth about what has been collected; this store only knows about runs. It
//! can be deleted: then the history is gone and the next run cannot resume the last one.
//!
//! One SQLite file (`.busta/state.db`), opened at its first use. A live run holds an exclusive lock on
//! `.busta/runs/<id>.lock`, which the operating system releases however the process ends; so a run
//! that is stored as running and whose lock is free was interrupted.

mod durations;
mod lease;
mod run;
mod runs;
mod schema;
mod state;

pub use durations::MeanDurations;
pub use lease::RunLease;
pub use run::{NewRun, RunState, StoredRun};
pub use state::StateStore;
