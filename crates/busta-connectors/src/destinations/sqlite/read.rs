//! Reading back, with connections of its own, while somebody writes.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use busta_core::destination::{ColumnInfo, Readable, Scan, TableInfo};
use busta_core::json::for_each_field;
use busta_core::reading::view::{RecentQuery, SentimentQuery, SentimentStats, Trending, TrendingQuery};
use busta_core::reading::{FailuresPage, FailuresQuery, RowPage, RowQuery};
use busta_core::{Error, Failure, Records, RecordsBuilder, Result, RunId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::config::Location;
use super::errors::At;
use super::lent::{Lent, Reader};
use super::names::{SYSTEM, quoted};
use super::schema::{Catalogue, Storage, Table};
use super::{counts::Counts, failures, open, page, views};
use crate::blocking::trying;

/// A page ends at whichever comes first.
const PAGE_ROWS: usize = 1_000;
const PAGE_BYTES: usize = 4 << 20;

/// Reads the database of a destination.
pub(super) struct Reading {
    location: Location,
    lent: Arc<Lent>,
    counts: Arc<Mutex<Counts>>,
}

impl Reading {
    pub fn new(location: Location) -> Self {
        Self { location, lent: Arc::default(), counts: Arc::default() }
    }

    /// Uses a connection that others have used, in a transaction, on a thread that may block.
    pub async fn with_lent<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (location, lent) = (self.location.clone(), self.lent.clone());
        trying(move || lent.with(&location, read)).await
    }

    /// Opens a connection and uses it, on a thread that may block.
    pub async fn with<T: Send + 'static>(
        &self,
        read: impl FnOnce(Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let location = self.location.clone();
        trying(move || read(open::reader(&location)?)).await
    }
}

pub(super) fn find<'a>(catalogue: &'a Catalogue, table: &str) -> Result<&'a Table> {
    catalogue.table(table).ok_or_else(|| {
        let names: Vec<&str> = catalogue.tables().into_iter().map(|t| t.name.as_str()).collect();
        let hint = match names.is_empty() {
            true => "nothing has been collected yet".to_owned(),
            false => format!("there is {}", names.join(", ")),
        };
        Error::not_found(format!("there is no table `{table}`")).hint(hint)
    })
}

#[async_trait]
impl Readable for Reading {
    async fn tables(&self) -> Result<Vec<TableInfo>> {
        let (location, counts) = (self.location.clone(), self.counts.clone());
        trying(move || {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.tables(&location)
        })
        .await
    }

    async fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>> {
        let (path, name) = (self.location.path.clone(), table.to_owned());
        self.with_lent(move |reader| {
            let catalogue = reader.catalogue().at(&path)?;
            let table = find(&catalogue, &name)?;
            let fields = table.columns.iter().map(|column| {
                let kind = column.kinds.type_name();
                let renamed = column.name != column.field;
                ColumnInfo {
                    name: column.field.clone(),
                    kind: if renamed { format!("{kind} in column {}", column.name) } else { kind.to_owned() },
                    primary_key: table.primary_key.contains(&column.field),
                }
            });
            let own = SYSTEM.map(|name| ColumnInfo {
                name: name.to_owned(),
                kind: "TEXT".to_owned(),
                primary_key: false,
            });
            Ok(fields.chain(own).collect())
        })
        .await
    }

    async fn scan(&self, table: &str) -> Result<Box<dyn Scan>> {
        let (path, name) = (self.location.path.clone(), table.to_owned());
        let cursor = self
            .with(move |connection| {
                // The transaction is the consistent view. It ends with the scan; until then the log
                // cannot be reset behind it, so a scan should be read to its end or dropped.
                connection.execute_batch("BEGIN").at(&path)?;
                let catalogue = Catalogue::load(&connection).at(&path)?;
                let table = find(&catalogue, &name)?.clone();
                let sql = format!(
                    "SELECT _rowid_, {} FROM {} WHERE _rowid_ > ?1 ORDER BY _rowid_ LIMIT {PAGE_ROWS}",
                    table.all_columns().join(", "),
                    quoted(&table.name)
                );
                Ok(TableScan { connection, path, table, sql, after: i64::MIN })
            })
            .await?;
        Ok(Box::new(Paged(Some(cursor))))
    }

    async fn failures(&self, run: Option<&RunId>, limit: usize) -> Result<Vec<Failure>> {
        let (path, run) = (self.location.path.clone(), run.cloned());
        self.with(move |connection| failures::read(&connection, run.as_ref(), limit).at(&path)).await
    }

    async fn page(&self, query: &RowQuery) -> Result<RowPage> {
        let (path, query) = (self.location.path.clone(), query.clone());
        self.with_lent(move |reader| page::read(reader, &path, &query, page::PATIENCE)).await
    }

    async fn failures_page(&self, query: &FailuresQuery) -> Result<FailuresPage> {
        let (path, query) = (self.location.path.clone(), query.clone());
        self.with(move |connection| failures::page(&connection, &path, &query)).await
    }

    async fn recent(&self, query: &RecentQuery) -> Result<RowPage> {
        let (path, query) = (self.location.path.clone(), query.clone());
        self.with_lent(move |reader| views::recent(reader, &path, &query)).await
    }

    async fn sentiment(&self, query: &SentimentQuery) -> Result<SentimentStats> {
        let (path, query) = (self.location.path.clone(), query.clone());
        self.with_lent(move |reader| views::sentiment(reader, &path, &query)).await
    }

    async fn trending(&self, query: &TrendingQuery) -> Result<Trending> {
        let (path, query) = (self.location.path.clone(), query.clone());
        self.with_lent(move |reader| views::trending(reader, &path, &query)).await
    }
}

/// A scan whose state goes to a blocking thread and back for each page.
struct Paged(Option<TableScan>);

#[async_trait]
impl Scan for Paged {
    async fn next(&mut self) -> Result<Option<Records>> {
        let Some(mut scan) = self.0.take() else { return Ok(None) };
        let (scan, page) = trying(move || {
            let page = scan.page()?;
            Ok((scan, page))
        })
        .await?;
        if page.is_empty() {
            return Ok(None);
        }
        self.0 = Some(scan);
        Ok(Some(page))
    }
}

struct TableScan {
    connection: Connection,
    path: std::path::PathBuf,
    table: Table,
    sql: String,
    after: i64,
}

impl TableScan {
    fn page(&mut self) -> Result<Records> {
        let mut page = RecordsBuilder::default();
        let mut statement = self.connection.prepare_cached(&self.sql).at(&self.path)?;
        let mut rows = statement.query([self.after]).at(&self.path)?;
        let mut record = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            self.after = row.get(0).at(&self.path)?;
            record.clear();
            write_row(&self.table, row, &mut record).at(&self.path)?;
            page.push(&record);
            if page.bytes() >= PAGE_BYTES {
                break;
            }
        }
        Ok(page.finish())
    }
}

/// Writes a row as a JSON object: the fields that are not NULL, then our own.
pub(super) fn write_row(table: &Table, row: &Row<'_>, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    let start = out.len();
    write_fields(table, row, out)?;
    out.pop();
    for (at, own) in SYSTEM.iter().enumerate() {
        if table.column(own).is_none() {
            name(out, start, own);
            write_value(out, row.get_ref(1 + at)?, Storage::Text);
        }
    }
    out.push(b'}');
    Ok(())
}

/// Writes the fields of a row that are not NULL as a JSON object.
pub(super) fn write_fields(table: &Table, row: &Row<'_>, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    let start = out.len();
    out.push(b'{');
    let first = 1 + SYSTEM.len();
    for (at, column) in table.columns.iter().enumerate() {
        let value = row.get_ref(first + at)?;
        if value != ValueRef::Null {
            name(out, start, &column.field);
            write_value(out, value, column.storage);
        }
    }
    if table.rest {
        let last = first + table.columns.len() + usize::from(table.keyed);
        if let ValueRef::Text(object) = row.get_ref(last)? {
            // Our own text: if somebody has broken it, the rest of the row is still readable.
            let _ = for_each_field(object, |field, raw| {
                name(out, start, &field);
                out.extend_from_slice(raw.as_bytes());
            });
        }
    }
    out.push(b'}');
    Ok(())
}

/// The name of a field of the object that begins at `start`.
fn name(out: &mut Vec<u8>, start: usize, field: &str) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    text(out, field);
    out.push(b':');
}

fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>, storage: Storage) {
    // Writing to memory does not fail.
    let _ = match value {
        ValueRef::Null => out.write_all(b"null"),
        ValueRef::Integer(n) if storage == Storage::Boolean && (n == 0 || n == 1) => {
            out.write_all(if n == 1 { b"true" } else { b"false" })
        }
        ValueRef::Integer(n) => write!(out, "{n}"),
        ValueRef::Real(n) => serde_json::to_writer(out, &n).map_err(Into::into),
        ValueRef::Text(json) if storage == Storage::Json && is_json(json) => out.write_all(json),
        ValueRef::Blob(json) if is_json(json) => out.write_all(json),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            text(out, &String::from_utf8_lossy(bytes));
            Ok(())
        }
    };
}

/// Somebody else may have written to the table: what is not JSON is shown as a text.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_ok()
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}
