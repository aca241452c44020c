//! Reading views: what all questions share.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use busta_core::reading::view::no_views;
use busta_core::{Error, Result};
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::super::errors::{At, explain};
use super::super::lent::Reader;
use super::super::read::find;
use super::super::schema::Catalogue;
use super::columns::{self, Part};
use super::dictionary::ALL;
use super::layout::View;

/// How long a question may take. What is asked for reads some thousand counts; only a column with very many
/// groups, or texts of nothing but rare words, take longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A view to be read.
pub struct Open {
    pub catalogue: Arc<Catalogue>,
    pub view: View,
}

impl Open {
    /// The view of a table, in the transaction that the reader is in, for a question about these `parts` of it.
    pub fn of(reader: &mut Reader, path: &Path, table: &str, parts: &[Part]) -> Result<Self> {
        reader.cut_off(Instant::now() + PATIENCE).at(path)?;
        let catalogue = reader.catalogue().at(path)?;
        let name = find(&catalogue, table)?.name.clone();
        let connection = reader.connection();
        // Nothing has been written since views were invented.
        let there = "SELECT 1 FROM sqlite_schema WHERE name = '_busta_views'";
        let there = connection.prepare_cached(there).at(path)?.exists([]).at(path)?;
        if !there || !View::is_of(connection, &name).at(path)? {
            return Err(no_views(&name));
        }
        let view = View::of(connection, &name).at(path)?.ok_or_else(|| {
            Error::unavailable(format!("the view of `{name}` was kept by another version of busta"))
                .hint("the next run of a source that lands in it makes it anew")
        })?;
        if let Some(next) = view.next {
            let so_far = if next > 0 { format!(" ({next} rows so far)") } else { String::new() };
            return Err(Error::unavailable(format!("the view of `{name}` is being built{so_far}"))
                .hint("the next run of a source that lands in it goes on with it"));
        }
        columns::check(find(&catalogue, table)?, &view.settings, parts)?;
        Ok(Self { catalogue, view })
    }

    /// The number of a group, or of all of them; `None` if there is no such group.
    pub fn group(&self, connection: &Connection, name: Option<&str>) -> rusqlite::Result<Option<u32>> {
        let Some(name) = name else { return Ok(Some(ALL)) };
        let sql = format!("SELECT id FROM {} WHERE name = ?1", self.view.side("groups"));
        connection.prepare_cached(&sql)?.query_row([name], |row| row.get(0)).optional()
    }
}

/// An error of SQLite, in words of ours if it is that the time was up.
pub fn patient<T>(result: rusqlite::Result<T>, path: &Path) -> Result<T> {
    result.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            Error::data("to count this takes too long").hint("ask for a shorter window, or for one group")
        }
        _ => explain(error, path),
    })
}
