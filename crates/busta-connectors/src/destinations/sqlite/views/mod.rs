//! Views: what the rows of a table say over time, kept with every commit (what it means stands at
//! [`busta_core::reading::view`]).
//!
//! # How they are kept
//!
//! Three triggers on the table note the rowid of every row that comes, changes or goes in
//! `_busta_view_changed_T`, whoever does it: a commit, the swap of a replacement, a purge, an edit, or another
//! program, which needs no function of ours for it. At the end of each of our transactions [`follow`] takes
//! these rowids up, takes out what each row counted for before and adds what it counts for now. So rows and
//! counts are always of one moment, after a crash too; what another program has written counts from our next
//! transaction on.
//!
//! What a row counts for is kept itself (`_busta_view_rows_T`: its time, group, label, scores, and which terms
//! it has), so it can be taken out exactly, whatever became of the row, the stop words or the way in which
//! words are found. Triggers that do it all in SQL were the other way: they would need our functions, without
//! which nobody else could write to the table, and could not gather the counts of a whole commit.
//!
//! | table | holds |
//! | --- | --- |
//! | `_busta_views` | the settings of each view, how far it is built, from which hour on terms are counted by time |
//! | `…_rows_T` | what each row counts for, with indexes for those whose score has risen |
//! | `…_hours_T` | the [rows of each hour](timeline) in order |
//! | `…_groups_T` | a number for each group, and how many rows it has; 0 is all of them |
//! | `…_stats_T` | rows and sentiment by group, and by hour and day |
//! | `…_terms_T` | a number for each term; numbers without one are free |
//! | `…_words_T` | how many rows of a group have each term: ever, and by day and hour for the last 31 days |
//! | `…_journal_T` | the rows that came and went, with their terms, since they were last [folded](fold) into these |
//! | `…_changed_T` | rows to be looked at; empty between our transactions |
//!
//! A view of a table that has rows already is [built](build) in steps, each a transaction of its own, and so
//! goes on where it was if it is interrupted.
//!
//! The rows of a table are known by their rowids, which SQLite keeps in a `VACUUM` for tables with an index, so
//! a table with a view has one, if only an empty one.

mod build;
mod columns;
mod counts;
mod dictionary;
mod fold;
mod follow;
mod journal;
mod layout;
mod moment;
mod packed;
mod read;
mod recent;
mod rising;
mod row;
mod stop;
mod tally;
mod timeline;
mod trending;
mod words;

pub(super) use build::build;
pub(super) use columns::tell_lacking;
pub(super) use counts::sentiment;
pub(super) use follow::settle;
pub(super) use layout::{VIEWS, prepare, trigger};
pub(super) use recent::recent;
pub(super) use trending::trending;

/// The places where a test can kill the process while a view is built.
pub const VIEW_FAILPOINTS: [&str; 2] = ["sqlite.view.before_commit", "sqlite.view.after_commit"];
