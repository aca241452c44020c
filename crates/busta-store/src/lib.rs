//! Control state: which runs there were, how they ended and how long splits took; how many requests sources
//! have sent; the tail of the activity feed; what schedules remember; and who may use the server.
//!
//! The destination is the truth about what has been collected; this store only knows about runs. It
//! can be deleted: then the history is gone and the next run cannot resume the last one.
//!
//! One SQLite file (`.busta/state.db`), opened at its first use. A live run holds an exclusive lock on
//! `.busta/runs/<id>.lock`, which the operating system releases however the process ends; so a run
//! that is stored as running and whose lock is free was interrupted.
//!
//! Writes are one transaction each, all on one connection. Reads have connections of their own and wait
//! for no writer, neither here nor in another process.
//!
//! # What a crash leaves
//!
//! A process that dies before the commit of a write has not written; after it, it has. In between:
//!
//! | it dies in | and leaves |
//! | --- | --- |
//! | `begin`, `start_queued`, `resume` | before the commit: an empty lock file that nobody holds, and the run as it was; after it: an interrupted run, which has done nothing yet |
//! | `finish` | before the commit: an interrupted run; its records are in the destination, and resuming it finds them done. After it: an empty lock file that nobody holds |
//! | `queue`, `unqueue`, `abandon`, `mark_interrupted` | nothing in between |
//! | `note_due` and the `begin` after it | a time that counts as heeded without a run: the next one comes at the next time |
//! | `take_requests` | before the commit: nothing was counted, and nothing is sent; after it: requests that are counted and may not have been sent |
//! | `append_events` | all of the batch or nothing; the caller's next ids begin behind `newest_event_id` |
//! | `prune_runs`, `prune_events` | whole batches; the next call goes on |
//! | the migration of an older file | the older file, as it was |
//!
//! A power cut is a crash, except that events that were written last, and batches of them that were
//! deleted last, may be as they were before: they alone do not wait for the disk.

mod durations;
mod events;
mod history;
mod lease;
mod lock;
mod requests;
mod retention;
mod row;
mod run;
mod runs;
mod schedules;
mod schema;
mod state;
mod tokens;

pub use durations::MeanDurations;
pub use events::{EventFilter, EventPage, StoredEvent};
pub use history::{LastRun, RunFilter};
pub use lease::RunLease;
pub use lock::FileLock;
pub use requests::RequestsOfStream;
pub use retention::EventsKept;
pub use run::{NewRun, RunState, StoredRun, Totals, Trigger};
pub use schedules::{FailurePause, ScheduleState};
pub use state::StateStore;
pub use tokens::{StoredToken, TokenRole};
