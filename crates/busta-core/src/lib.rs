//! The words and the contracts of busta. No I/O, no runtime, no connector.
//!
//! # Words
//!
//! A **source** is one configured thing to collect from. It yields one or more **streams** (posts,
//! comments, orders), each of which lands in one table. A stream is read in **splits**: independent
//! pieces (a page range, a file, a feed) that one **reader** can read alone. A reader is pulled; each
//! pull gives a **batch**: some **records** of one stream and the **cursor** reached after them. A
//! **commit** makes records, **failures** and the **step** of the **checkpoint** (from cursor, to
//! cursor) durable in one go, in the **destination**, which is the truth about what is already there.
//!
//! # Who does what
//!
//! ```text
//! source.plan -> splits -> [queue, limits] -> source.open -> reader.next -> batch
//!                                                 (transforms) -> destination.stage -> destination.commit
//! ```
//!
//! The engine alone loops, retries, waits, paces and shuts down. Sources, readers and destinations
//! are passive: they do one thing when asked and say what happened. So every connector is short, and
//! every rule about limits, retries and exactly once stands in one place (`busta-engine`).

pub mod budget;
pub mod checkpoint;
pub mod clock;
pub mod columns;
pub mod connector;
pub mod cursor;
pub mod cursors;
pub mod dataset;
pub mod destination;
pub mod error;
pub mod event;
pub mod failpoint;
pub mod failure;
pub mod ids;
pub mod json;
pub mod meter;
pub mod moment;
pub mod origin;
pub mod quality;
pub mod reading;
pub mod record;
pub mod report;
pub mod secret;
pub mod settings;
pub mod source;
pub mod split;
pub mod stream;
pub mod transform;
pub mod units;

pub use budget::BudgetSettings;
pub use checkpoint::{Checkpoint, Position, SplitState, Step};
pub use columns::Columns;
pub use cursor::{Cursor, CursorValue};
pub use cursors::Cursors;
pub use dataset::DatasetSettings;
pub use destination::{Chunk, Committed, Destination, Finish, Staged, StreamFinish};
pub use error::{Error, ErrorKind, Result};
pub use failure::{Failure, Stage};
pub use ids::{HostKey, RunId, SourceName, SplitId, StreamName};
pub use origin::Origins;
pub use quality::Quality;
pub use record::{Records, RecordsBuilder};
pub use source::{Batch, Probe, Reader, Source};
pub use split::{Pool, Priority, Split};
pub use stream::{StreamSpec, WriteMode};
pub use transform::{Transform, Transformed};
