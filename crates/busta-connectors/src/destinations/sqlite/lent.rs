//! Connections of small reads, which come in great numbers: to open one, or to learn again what tables
//! there are, takes longer than to read a page.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use busta_core::Result;
use rusqlite::Connection;

use super::config::Location;
use super::errors::At;
use super::open;
use super::schema::Catalogue;

/// Instructions of SQLite's machine between two looks at the time: some 0.1 ms.
const INSTRUCTIONS: i32 = 10_000;

/// Connections that nobody uses just now.
#[derive(Default)]
pub(super) struct Lent(Mutex<Vec<Reader>>);

/// A connection, and what it knows of the database.
pub(super) struct Reader {
    connection: Connection,
    opened: Instant,
    /// The catalogue, and the version of the database that it was read from.
    catalogue: Option<(i64, Arc<Catalogue>)>,
}

impl Lent {
    /// So many are kept, and for so long, since somebody may put another file in the place of this one.
    const KEPT: usize = 8;
    const FRESH: Duration = Duration::from_secs(2);

    /// Lends a connection for one transaction that reads, which begins with the first thing that is read.
    pub fn with<T>(&self, location: &Location, read: impl FnOnce(&mut Reader) -> Result<T>) -> Result<T> {
        let idle = self.idle().pop().filter(|reader| reader.opened.elapsed() < Self::FRESH);
        let mut reader = match idle {
            Some(idle) => idle,
            None => Reader::open(location)?,
        };
        reader.execute("BEGIN").at(&location.path)?;
        let result = read(&mut reader)?;
        // What a read leaves behind ends with it. One that cannot be tidied up is closed instead.
        if reader.execute("ROLLBACK").is_ok()
            && reader.connection.progress_handler(0, None::<fn() -> bool>).is_ok()
        {
            let mut idle = self.idle();
            if idle.len() < Self::KEPT {
                idle.push(reader);
            }
        }
        Ok(result)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn open(location: &Location) -> Result<Self> {
        Ok(Self { connection: open::reader(location)?, opened: Instant::now(), catalogue: None })
    }

    /// Reads go through this.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The catalogue as the transaction sees it.
    ///
    /// It is read again if anybody has committed anything since this connection last read it: SQLite's
    /// `data_version` tells, and since it is asked for inside of the transaction, it is the version of what
    /// the transaction sees.
    pub fn catalogue(&mut self) -> rusqlite::Result<Arc<Catalogue>> {
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if let Some((known, catalogue)) = &self.catalogue
            && *known == version
        {
            return Ok(Arc::clone(catalogue));
        }
        let catalogue = Arc::new(Catalogue::load(&self.connection)?);
        self.catalogue = Some((version, Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    /// From `until` on the statements of this transaction fail, as interrupted.
    pub fn cut_off(&mut self, until: Instant) -> rusqlite::Result<()> {
        self.connection.progress_handler(INSTRUCTIONS, Some(move || Instant::now() >= until))
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
