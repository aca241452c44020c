//! Building a view of rows that were there before it.

use std::time::{Duration, Instant};

use busta_core::Result;
use rusqlite::Connection;

use super::super::errors::At;
use super::super::names::quoted;
use super::super::schema::Catalogue;
use super::super::writer::Handle;
use super::VIEW_FAILPOINTS;
use super::follow::Keeper;
use super::layout::View;

/// Rows in one step: a commit waits some tenths of a second behind it.
const STEP: usize = 10_000;
/// How often the log says how far it is.
const SAY: Duration = Duration::from_secs(5);

/// How far a view is.
struct Progress {
    rows: usize,
    complete: bool,
}

/// Counts all rows of a table that its view does not count yet, step by step; commits of others come between.
pub async fn build(writer: &Handle, table: &str) -> Result<()> {
    let (began, mut said, mut rows) = (Instant::now(), None, 0);
    loop {
        let name = table.to_owned();
        let progress = writer
            .run(move |session| {
                let path = session.location().path.clone();
                let body = |connection: &Connection, catalogue: &mut Catalogue| {
                    step(connection, catalogue, &name).at(&path)
                };
                session.transaction(body, VIEW_FAILPOINTS[0], VIEW_FAILPOINTS[1])
            })
            .await?;
        let Some(progress) = progress else { return Ok(()) };
        rows += progress.rows;
        if progress.complete {
            tracing::info!(table, rows, seconds = began.elapsed().as_secs_f64(), "the view is complete");
            return Ok(());
        }
        if said.is_none_or(|said: Instant| said.elapsed() >= SAY) {
            tracing::info!(table, rows, "building the view of what is there");
            said = Some(Instant::now());
        }
    }
}

/// One step; `None` if there is nothing to build.
fn step(connection: &Connection, catalogue: &Catalogue, table: &str) -> rusqlite::Result<Option<Progress>> {
    let Some((mut view, table)) = View::of(connection, table)?.zip(catalogue.table(table)) else {
        return Ok(None);
    };
    let Some(next) = view.next else { return Ok(None) };
    let sql = format!(
        "SELECT _rowid_ FROM {} WHERE _rowid_ >= ?1 ORDER BY _rowid_ LIMIT {STEP}",
        quoted(&table.name)
    );
    let ids: Vec<i64> = connection
        .prepare_cached(&sql)?
        .query_map([next], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let complete = ids.len() < STEP;
    view.next = if complete { None } else { ids.last().map(|last| last.saturating_add(1)) };
    view.save(connection)?;
    let mut keeper = Keeper::new(table, view);
    for &id in &ids {
        keeper.row(connection, id, true)?;
    }
    keeper.finish(connection)?;
    Ok(Some(Progress { rows: ids.len(), complete }))
}
