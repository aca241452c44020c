//! Downloads: large objects, each to a file of its own, verified and gone on with after a crash.
//!
//! A download is a split. Its [`DownloadReader`] keeps the answer open from call to call and gives a
//! batch about every second, or 32 MiB, whose cursor says how many bytes are on the disk, of which
//! object, and what they hash to. So the checkpoint is the truth about a download as about everything
//! else, a run that stops or dies goes on with a request for the rest (`Range`, `If-Range`), and no byte
//! is read twice to be hashed. The last batch has one record: the file.
//!
//! # What may happen
//!
//! | what | then |
//! | --- | --- |
//! | an error after bytes have come | the bytes are committed, and the retries start anew behind them |
//! | no byte comes for as long as a request may take | the same; the whole may take as long as it takes |
//! | the server has no ranges, or the object has changed | it is begun anew, at most five times |
//! | the object is large, and there is room for more requests | several ranges come at once |
//! | ranges of it do not go together | it is begun anew, and asked for as a whole |
//! | the checksum is wrong | it is fetched once more, then kept as `<path>.quarantine`, and fails |
//! | the file is there and is what is wanted | nothing is asked for |
//! | it is a file of this machine | it is read, where the source [may](Reach), as if a server sent it |
//! | the disk is too small for it and all others under way | it fails before the first byte |
//!
//! # Why a crash leaves nothing wrong behind
//!
//! Bytes gather in `_busta/parts`, where what was left by runs that were never resumed is swept after a week;
//! a file gets its name when all of it is there, verified and synced.
//! Each beginning has a part file of its own, so that bytes of two objects never meet. Bytes that came
//! after the last commit are cut off again, except where an expected checksum will tell whether they
//! are right: then they are hashed where they lie and need not come once more.
//!
//! # Where to look
//!
//! [`Task`] is the payload, [`Place`](place::Place) the cursor; `reader` does the work, with `answer`
//! (what a status means), `part` (the part file), `several` and `ranges` (several requests at once for one
//! large object), `hash`, `verdict`, `kept` (what is there already),
//! `folder` (what downloads of a source share), `reach` (which files of this machine they may be of) and `room` (the
//! disk). [`Template`] makes paths,
//! [`Checksum`] reads what is expected.

mod answer;
pub mod assets;
mod checksum;
mod content_range;
mod folder;
mod hash;
mod kept;
mod part;
mod place;
mod ranges;
mod reach;
mod reader;
mod record;
mod room;
mod several;
mod sweep;
mod task;
mod template;
mod verdict;

pub use checksum::{Algorithm, Checksum};
pub use folder::{Folder, Known, Refused, Rules};
pub use kept::as_left;
pub use part::sha256_of;
pub use ranges::RangesConfig;
pub use reach::Reach;
pub use reader::DownloadReader;
pub use task::{Expected, Task};
pub use template::{Template, safe_path, stays_below};
