//! How many rows each table has, without counting again what is known.
//!
//! SQLite keeps no such number: to count is to walk over the whole table. So counts are kept for as long
//! as nobody has written to the database, and while somebody keeps writing, for [`REST`] times as long as
//! they took to make. So counting takes a few percent of a processor at most, however often it is asked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use busta_core::Result;
use busta_core::destination::TableInfo;
use rusqlite::Connection;

use super::config::Location;
use super::errors::At;
use super::names::quoted;
use super::open;
use super::schema::Catalogue;
use super::writer::FileId;

/// How many times as long as a count took it is good enough while the table is being written.
const REST: u32 = 20;

/// Counts that were made before.
#[derive(Default)]
pub(super) struct Counts(Option<Kept>);

struct Kept {
    /// Stays open, since `PRAGMA data_version` tells what others did since the same connection last asked.
    connection: Connection,
    file: FileId,
    version: i64,
    tables: HashMap<String, Count>,
}

struct Count {
    rows: u64,
    version: i64,
    made: Instant,
    took: Duration,
}

impl Counts {
    /// The tables and how many rows they have, or had a moment ago.
    pub fn tables(&mut self, location: &Location) -> Result<Vec<TableInfo>> {
        let mut kept = match self.0.take().filter(|kept| kept.file.check(location).is_ok()) {
            Some(kept) => kept,
            None => {
                let connection = open::reader(location)?;
                Kept { connection, file: FileId::of(location)?, version: 0, tables: HashMap::new() }
            }
        };
        let tables = kept.tables().at(&location.path)?;
        self.0 = Some(kept);
        Ok(tables)
    }
}

impl Kept {
    fn tables(&mut self) -> rusqlite::Result<Vec<TableInfo>> {
        self.version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let catalogue = Catalogue::load(&self.connection)?;
        let names: Vec<String> = catalogue.tables().into_iter().map(|table| table.name.clone()).collect();
        self.tables.retain(|name, _| names.contains(name));
        names.into_iter().map(|name| Ok(TableInfo { rows: self.count(&name)?, name, bytes: None })).collect()
    }

    fn count(&mut self, table: &str) -> rusqlite::Result<u64> {
        if let Some(count) = self.tables.get(table)
            && (count.version == self.version || count.made.elapsed() < count.took * REST)
        {
            return Ok(count.rows);
        }
        let began = Instant::now();
        let sql = format!("SELECT count(*) FROM {}", quoted(table));
        let rows = self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))? as u64;
        let count = Count { rows, version: self.version, made: Instant::now(), took: began.elapsed() };
        self.tables.insert(table.to_owned(), count);
        Ok(rows)
    }
}
