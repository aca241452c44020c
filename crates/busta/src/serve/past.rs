//! What became of the rows of tables.

use busta_core::reading::RowPage;
use busta_core::reading::history::{
    ChangesQuery, DifferenceQuery as Between, History, Part, PartQuery, Place, RowKey,
};
use busta_core::{Error, Result};
use busta_server::model::{
    Change, ChangeQuery, Difference, DifferenceQuery, Episode, Page, PageQuery, SnapshotMark,
};

use super::data::{nothing, unless_missing};
use crate::config::Config;

/// The destination that has the table, for its past; and the number of that destination.
pub async fn find<'a>(config: &'a Config, table: &str) -> Result<(usize, &'a dyn History)> {
    let mut missing = None;
    for (place, built) in config.destinations.iter().enumerate() {
        let columns = built.destination.readable().columns(table).await;
        if unless_missing(columns, &mut missing)?.is_some() {
            let history = built.destination.history();
            return history.map(|history| (place, history)).ok_or_else(|| {
                Error::not_found(format!("{} keeps no change logs", built.words()))
                    .hint("destinations of type `sqlite` do, for tables with `change_log: true`")
            });
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

/// A page of what happened.
pub async fn episodes(config: &Config, table: &str, part: PageQuery) -> Result<Page<Episode>> {
    let (_, history) = find(config, table).await?;
    Ok(page(history.episodes(&query(table, part)).await?))
}

/// A page of the ends of runs.
pub async fn snapshots(config: &Config, table: &str, part: PageQuery) -> Result<Page<SnapshotMark>> {
    let (_, history) = find(config, table).await?;
    Ok(page(history.snapshots(&query(table, part)).await?))
}

/// A page of the log.
pub async fn changes(config: &Config, table: &str, query: ChangeQuery) -> Result<Page<Change>> {
    let (_, history) = find(config, table).await?;
    let query = ChangesQuery {
        table: table.to_owned(),
        since: query.since_seq,
        run: query.run.map(Into::into),
        key: query.key.map(RowKey::Text),
        after: query.cursor,
        limit: query.limit.get(),
    };
    Ok(page(history.changes(&query).await?))
}

/// A page of the rows at a place.
pub async fn records(config: &Config, table: &str, place: &str, part: PageQuery) -> Result<RowPage> {
    let place: Place = place.parse()?;
    let (_, history) = find(config, table).await?;
    history.rows_at(&place, &query(table, part)).await
}

/// A page of a difference.
pub async fn difference(config: &Config, table: &str, query: DifferenceQuery) -> Result<Difference> {
    let query = Between {
        table: table.to_owned(),
        from: query.from.parse()?,
        to: query.to.as_deref().map_or(Ok(Place::Now), str::parse)?,
        after: query.cursor,
        limit: query.limit.get(),
    };
    let (_, history) = find(config, table).await?;
    Ok(history.difference(&query).await?.into())
}

fn query(table: &str, part: PageQuery) -> PartQuery {
    PartQuery { table: table.to_owned(), after: part.cursor, limit: part.limit.get() }
}

fn page<T, U: From<T>>(part: Part<T>) -> Page<U> {
    Page { items: part.items.into_iter().map(U::from).collect(), next: part.next }
}
