//! One run, from its plan to its report; and in [`schedule`], when sources are due.
//!
//! # Who does what
//!
//! ```text
//!              events, snapshot                       Committed, Finished
//!                    ^                     +--------------------------------------+
//!                    |                     v                                      |
//! start(plan) -> Dispatcher -- Work --> slot (a task per split)  -- Chunk --> Committer (one per destination)
//!                    ^                  open, pull, stage                     gather, commit, retry
//!                    +----- Ended -----------+
//! ```
//!
//! The [dispatcher](dispatcher) alone owns the state of a run. It admits a split when a global place,
//! a place of its pool, of its source and of its host are free; the slot pulls the reader, has the
//! destination stage each batch and hands it to the committer; the committer makes groups of batches
//! durable and tells the dispatcher. Everything between them is a bounded queue, and nobody who is
//! waited for ever waits for the one who waits.
//!
//! A split that must wait (for a limit, after an error, for a paused host) gives its slot back and is
//! *parked* until its time comes, so waiting never holds a place that other work could use.
//!
//! # Exactly once
//!
//! Each chunk names the step of its split, from the position of the chunk before to its own. The
//! committer keeps the order of a split's chunks, and the destination refuses a step that does not
//! start where the split stands. Found splits become work only once they are durable. So whatever
//! instant the process dies at, the destination's checkpoint is a prefix of every split, and a
//! resumed run goes on behind it.

mod ahead;
mod backlog;
mod budget;
mod committer;
mod dispatcher;
mod feed;
mod hosts;
mod ledger;
mod meter;
mod phases;
mod places;
mod plan;
mod progress;
mod queue;
mod rates;
mod report;
mod retry;
mod run;
pub mod schedule;
mod slot;
mod spending;
mod worker;

pub use budget::Budget;
pub use hosts::{HostState, Hosts};
pub use meter::{Latencies, SourceFigures, SourceMeter, StreamFigures};
pub use places::{Capacity, PoolUse};
pub use plan::{RunPlan, SharedDestination, SourceEntry};
pub use progress::{PoolProgress, Snapshot, SourceProgress, WorkerAction, WorkerProgress};
pub use report::{LearntRequests, RunOutcome};
pub use run::{RunHandle, start, start_heard};
pub use slot::transformed;
pub use spending::{DailyLimit, DayCounts, EarlierRequests, Requests, StreamRequests, estimate, too_much};
