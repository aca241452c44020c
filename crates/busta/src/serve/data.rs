//! The tables of all destinations, and their rows.

use busta_core::destination::{ColumnInfo, Readable, TableInfo};
use busta_core::reading::{Condition, Order, RowPage, RowQuery};
use busta_core::{DatasetSettings, Error, ErrorKind, Result, StreamSpec};
use busta_server::RecordScan;
use busta_server::model::{Column, Dataset, DatasetSchema, DatasetView, Page, PageQuery, RecordQuery};

use super::paging;
use crate::config::{BuiltDestination, BuiltSource, Config};

/// A page of the tables: by destination, and there by name, as they come.
pub async fn datasets(config: &Config, part: PageQuery) -> Result<Page<Dataset>> {
    let (first, after) = match &part.cursor {
        Some(cursor) => read_cursor(cursor)?,
        None => (0, String::new()),
    };
    let mut found = Vec::new();
    for (place, built) in config.destinations.iter().enumerate().skip(first) {
        if found.len() > part.limit.get() {
            break;
        }
        let tables = tables(built).await?.into_iter();
        let tables = tables.filter(|table| place > first || table.name > after);
        found.extend(tables.map(|table| (place, table)));
    }
    let page = Page::cut(found, part.limit, |(place, table)| format!("{place}.{}", table.name));
    let items = page.items.into_iter().map(|(place, table)| dataset_of(config, place, table));
    Ok(Page { items: items.collect(), next: page.next })
}

/// The destination and the table that a page ended with.
fn read_cursor(text: &str) -> Result<(usize, String)> {
    let (place, table) = text.split_once('.').ok_or_else(paging::no_cursor)?;
    Ok((place.parse().map_err(|_| paging::no_cursor())?, table.to_owned()))
}

/// One table with its columns.
pub async fn dataset(config: &Config, name: &str) -> Result<DatasetSchema> {
    let Found { place, columns } = find(config, name).await?;
    let table = tables(&config.destinations[place]).await?.into_iter().find(|table| table.name == name);
    let table = table.ok_or_else(|| Error::not_found("there is no such dataset"))?;
    let columns = columns.into_iter();
    let columns = columns.map(|c| Column { name: c.name, kind: c.kind, primary_key: c.primary_key });
    Ok(DatasetSchema { columns: columns.collect(), dataset: dataset_of(config, place, table) })
}

/// A page of rows.
pub async fn records(config: &Config, name: &str, query: RecordQuery) -> Result<RowPage> {
    let query = RowQuery {
        table: name.to_owned(),
        filter: query.filter.as_deref().map(Condition::parse_all).transpose()?.unwrap_or_default(),
        order: query.order.as_deref().map(Order::parse).transpose()?,
        after: query.cursor,
        limit: query.limit.get(),
    };
    let mut missing = None;
    for built in &config.destinations {
        let page = built.destination.readable().page(&query).await;
        if let Some(page) = unless_missing(page, &mut missing)? {
            return Ok(page);
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

/// All rows.
pub async fn export(config: &Config, name: &str) -> Result<RecordScan> {
    let found = find(config, name).await?;
    let rows = found.readable(config).scan(name).await?;
    Ok(RecordScan { columns: found.columns.into_iter().map(|column| column.name).collect(), rows })
}

/// A table that there is.
struct Found {
    /// The number of its destination.
    place: usize,
    columns: Vec<ColumnInfo>,
}

impl Found {
    fn readable<'a>(&self, config: &'a Config) -> &'a dyn Readable {
        config.destinations[self.place].destination.readable()
    }
}

/// The first destination that has the table. Asks for its columns, since to list tables counts their rows.
async fn find(config: &Config, name: &str) -> Result<Found> {
    let mut missing = None;
    for (place, built) in config.destinations.iter().enumerate() {
        let columns = built.destination.readable().columns(name).await;
        if let Some(columns) = unless_missing(columns, &mut missing)? {
            return Ok(Found { place, columns });
        }
    }
    Err(missing.unwrap_or_else(nothing))
}

/// The answer of a destination; nothing if it does not have the table, of which the first says why.
fn unless_missing<T>(answer: Result<T>, missing: &mut Option<Error>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            missing.get_or_insert(error);
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

fn nothing() -> Error {
    Error::not_found("nothing has been collected yet")
}

/// A destination that has not been made yet has no tables.
async fn tables(built: &BuiltDestination) -> Result<Vec<TableInfo>> {
    match built.destination.readable().tables().await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

fn dataset_of(config: &Config, place: usize, table: TableInfo) -> Dataset {
    let lands =
        |source: &&BuiltSource| source.destination == place && streams(source, &table.name).count() > 0;
    let sources: Vec<_> = config.sources.iter().filter(lands).collect();
    // Settings belong to the table: every stream that lands in it has the same.
    let settings = sources.iter().find_map(|source| streams(source, &table.name).next());
    let settings = settings.map(|stream| &stream.dataset);
    Dataset {
        view: settings.and_then(|settings| settings.view.as_ref()).map(DatasetView::from),
        history: settings.is_some_and(DatasetSettings::logs_changes),
        sources: sources.iter().map(|source| source.name.to_string()).collect(),
        destination: config.destinations[place].words(),
        name: table.name,
        rows: table.rows,
        bytes: table.bytes,
    }
}

/// The streams of a source that land in a table.
fn streams<'a>(source: &'a BuiltSource, table: &'a str) -> impl Iterator<Item = &'a StreamSpec> {
    source.source.streams().iter().filter(move |stream| stream.table == table)
}
