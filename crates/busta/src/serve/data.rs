//! The tables of all destinations, and their rows.

use busta_core::destination::TableInfo;
use busta_core::reading::{Condition, Order, RowQuery};
use busta_core::{Destination, Error, ErrorKind, Result};
use busta_server::RecordScan;
use busta_server::model::{Column, Dataset, DatasetSchema, Page, RecordQuery};
use serde_json::value::RawValue;

use super::paging;
use crate::config::{BuiltDestination, Config};

/// All tables, by destination.
pub async fn datasets(config: &Config) -> Result<Vec<Dataset>> {
    let mut all = Vec::new();
    for (place, built) in config.destinations.iter().enumerate() {
        all.extend(tables(built).await?.into_iter().map(|table| dataset_of(config, place, table)));
    }
    Ok(all)
}

/// One table with its columns.
pub async fn dataset(config: &Config, name: &str) -> Result<DatasetSchema> {
    let place = find(config, name).await?;
    let destination = &config.destinations[place].destination;
    let table = tables(&config.destinations[place]).await?.into_iter().find(|table| table.name == name);
    let table = table.ok_or_else(|| Error::not_found("there is no such dataset"))?;
    let columns = destination.readable().columns(name).await?.into_iter();
    let columns = columns.map(|c| Column { name: c.name, kind: c.kind, primary_key: c.primary_key });
    Ok(DatasetSchema { columns: columns.collect(), dataset: dataset_of(config, place, table) })
}

/// A page of rows.
pub async fn records(config: &Config, name: &str, query: RecordQuery) -> Result<Page<Box<RawValue>>> {
    let query = RowQuery {
        table: name.to_owned(),
        filter: query.filter.as_deref().map(Condition::parse_all).transpose()?.unwrap_or_default(),
        order: query.order.as_deref().map(Order::parse).transpose()?,
        after: query.cursor,
        limit: paging::limit(query.limit)?,
    };
    let page = destination(config, name).await?.readable().page(&query).await?;
    let rows = page.rows.iter().map(|row| {
        serde_json::from_slice(row).map_err(|e| Error::data(format!("a row of {name} is no JSON: {e}")))
    });
    Ok(Page { items: rows.collect::<Result<_>>()?, next: page.next })
}

/// All rows.
pub async fn export(config: &Config, name: &str) -> Result<RecordScan> {
    let destination = destination(config, name).await?;
    let columns = destination.readable().columns(name).await?;
    let columns = columns.into_iter().map(|column| column.name).collect();
    Ok(RecordScan { columns, rows: destination.readable().scan(name).await? })
}

async fn destination<'a>(config: &'a Config, name: &str) -> Result<&'a dyn Destination> {
    Ok(&*config.destinations[find(config, name).await?].destination)
}

/// The first destination that has the table. Asks for its columns, since to list tables counts their rows.
async fn find(config: &Config, name: &str) -> Result<usize> {
    let mut missing = None;
    for (place, built) in config.destinations.iter().enumerate() {
        match built.destination.readable().columns(name).await {
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == ErrorKind::NotFound => missing = missing.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| Error::not_found("nothing has been collected yet")))
}

/// A destination that has not been made yet has no tables.
async fn tables(built: &BuiltDestination) -> Result<Vec<TableInfo>> {
    match built.destination.readable().tables().await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

fn dataset_of(config: &Config, place: usize, table: TableInfo) -> Dataset {
    let lands = |source: &&crate::config::BuiltSource| {
        source.destination == place && source.source.streams().iter().any(|stream| stream.table == table.name)
    };
    Dataset {
        sources: config.sources.iter().filter(lands).map(|source| source.name.to_string()).collect(),
        destination: config.destinations[place].words(),
        name: table.name,
        rows: table.rows,
        bytes: table.bytes,
    }
}
