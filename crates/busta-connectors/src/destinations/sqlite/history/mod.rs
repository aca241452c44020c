//! Change logs, snapshots and edits by hand (`change_log`, `snapshot` of a dataset).
//!
//! # Layout
//!
//! `_busta_log_NAME` has an entry for every row of `NAME` that was inserted, changed or removed: the row before and
//! after as JSON (see [`image`]), so that no change of the schema touches it, and the number of rows after
//! it. `_busta_episodes` has a row for each source's part of a run that changed something or ended (then with
//! its snapshot), for each edit, and for each retention; `_busta_logs` how each log stands; `_busta_removed` the
//! keys that somebody removed by hand, which collections must not bring back.
//!
//! Entries are written by the code that writes the rows, in its transaction, and not by triggers: whether a
//! `replace` changed anything, or who did it, is not known to a trigger, and widening a column would fire it.
//! It costs a look at the old row for each new one, and the entry (see `docs/guide-history.md` for figures).
//! Rows that other programs change are not logged.
//!
//! # The past
//!
//! The rows at a place are those of the table, except that where the log has a later entry of a key, the row
//! before the first such entry counts. So nothing is copied when a log is switched on, the newest places are
//! found as quickly as the oldest, and old entries can go without the others losing their ground.
//!
//! Only rows with a key are logged: without one, an entry would not say which row it means.

mod changes;
mod difference;
mod edit;
mod episodes;
mod fields;
mod image;
mod images;
mod keys;
mod log;
mod past;
mod places;
mod swap;
mod tables;
mod trim;
mod undo;

use async_trait::async_trait;
use busta_core::reading::RowPage;
use busta_core::reading::history::{
    Change, ChangesQuery, Difference, DifferenceQuery, Edit, Edited, Episode, History, Part, PartQuery,
    Place, SnapshotMark,
};
use busta_core::{Error, Result, SourceName, StreamSpec};
use rusqlite::Connection;

use self::tables::State;
use super::SqliteDestination;
use super::errors::At;
use super::lent::Reader;
use super::read::find;
use super::schema::Table;

pub(super) use self::images::Images;
pub(super) use self::log::{By, Log, snapshot};
pub(super) use self::swap::log_swap;
pub(super) use self::tables::{log_name, logged, renew, settle};
pub(super) use self::trim::{remove_all, trim};

/// What is asked of the table may need rows that can be told apart.
pub(super) fn check(source: &SourceName, stream: &StreamSpec) -> Result<()> {
    let Some(setting) = stream.dataset.needs_key().filter(|_| !stream.has_key()) else { return Ok(()) };
    let what = format!(
        "`{setting}` of `{}` needs rows that can be told apart: those of stream `{}` of {source} have no key",
        stream.table, stream.name
    );
    Err(Error::config(what)
        .hint(format!("set `primary_key` and no `write_mode: append`, or remove `{setting}` of the dataset")))
}

/// A log that is read: in one transaction, from a consistent view.
struct View<'a> {
    connection: &'a Connection,
    path: &'a std::path::Path,
    table: &'a Table,
    state: State,
}

impl View<'_> {
    fn log(&self) -> String {
        super::names::quoted(&log_name(&self.table.name))
    }
}

impl SqliteDestination {
    /// Reads the log of a table.
    async fn view<T: Send + 'static>(
        &self,
        table: &str,
        read: impl FnOnce(&View<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (path, name) = (self.location.path.clone(), table.to_owned());
        let read = move |reader: &mut Reader| {
            let catalogue = reader.catalogue().at(&path)?;
            let table = find(&catalogue, &name)?;
            let connection = reader.connection();
            let state = State::of(connection, table).at(&path)?.ok_or_else(|| unlogged(&table.name))?;
            read(&View { connection, path: &path, table, state })
        };
        self.reading.with_lent(read).await
    }
}

fn unlogged(table: &str) -> Error {
    Error::not_found(format!("the changes of `{table}` are not logged"))
        .hint(format!("set `datasets: {{ {table}: {{ change_log: true }} }}`; it begins with the next run"))
}

#[async_trait]
impl History for SqliteDestination {
    async fn episodes(&self, part: &PartQuery) -> Result<Part<Episode>> {
        let query = part.clone();
        self.view(&part.table, move |view| episodes::episodes(view, &query)).await
    }

    async fn changes(&self, query: &ChangesQuery) -> Result<Part<Change>> {
        let wanted = query.clone();
        self.view(&query.table, move |view| changes::changes(view, &wanted)).await
    }

    async fn snapshots(&self, part: &PartQuery) -> Result<Part<SnapshotMark>> {
        let query = part.clone();
        self.view(&part.table, move |view| episodes::snapshots(view, &query)).await
    }

    async fn rows_at(&self, place: &Place, part: &PartQuery) -> Result<RowPage> {
        let (query, place) = (part.clone(), place.clone());
        self.view(&part.table, move |view| past::rows_at(view, &place, &query)).await
    }

    async fn difference(&self, query: &DifferenceQuery) -> Result<Difference> {
        let wanted = query.clone();
        self.view(&query.table, move |view| difference::difference(view, &wanted)).await
    }

    async fn edit(&self, edit: Edit) -> Result<Edited> {
        edit::run(self, edit).await
    }
}
