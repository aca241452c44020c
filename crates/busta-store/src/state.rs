//! The store itself: one connection that writes and a few that read, opened when they are first needed,
//! used on blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::Semaphore;

use crate::schema;

/// So many reads are under way at once. Further ones wait without holding a thread.
const READERS: usize = 4;

/// Control state in one SQLite file. Cheap to clone; all clones share the connections.
#[derive(Clone, Debug)]
pub struct StateStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    writer: Mutex<Option<Connection>>,
    /// Readers that nobody uses just now.
    readers: Mutex<Vec<Connection>>,
    places: Semaphore,
}

/// What a power cut may take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing, once the call has returned.
    Full,
    /// The newest transactions, in whole, newest first. They cost no wait for the disk.
    Relaxed,
}

impl StateStore {
    /// The store in the file at `path`. Touches nothing until its first use.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let shared = Shared {
            path: path.into(),
            writer: Mutex::default(),
            readers: Mutex::default(),
            places: Semaphore::new(READERS),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whether there is a file yet; reading from a store without one creates it.
    pub fn exists(&self) -> bool {
        self.path().exists()
    }

    /// Runs `work` in one writing transaction. Writers of all processes follow one another.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_with(Durability::Full, work).await
    }

    /// [`write`](Self::write), with a choice of what it costs.
    pub(crate) async fn write_with<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        on_a_thread(move || shared.transact(durability, work)).await
    }

    /// Runs `work` on a connection that cannot write and waits for no writer. Each statement sees what
    /// is committed when it begins.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let closed = |_| Error::bug("the state store's readers are gone");
        let _place = self.shared.places.acquire().await.map_err(closed)?;
        let shared = Arc::clone(&self.shared);
        on_a_thread(move || {
            let reader = shared.reader()?;
            let result = work(&reader, &shared.path);
            // A reader whose file is broken or gone is opened anew.
            if result.is_ok() {
                locked(&shared.readers).push(reader);
            }
            result
        })
        .await
    }
}

impl Shared {
    fn transact<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection, &Path) -> Result<T>,
    ) -> Result<T> {
        let sql = |e| schema::of_sqlite(&self.path, e);
        let mut slot = locked(&self.writer);
        let connection = self.opened(&mut slot)?;
        let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", synchronous).map_err(sql)?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let result = work(&transaction, &self.path)?;
        transaction.commit().map_err(sql)?;
        Ok(result)
    }

    /// The connection that writes; the first call prepares the file.
    fn opened<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a mut Connection> {
        if slot.is_none() {
            *slot = Some(schema::open(&self.path)?);
        }
        slot.as_mut().ok_or_else(|| Error::bug("the state store did not open"))
    }

    fn reader(&self) -> Result<Connection> {
        if let Some(reader) = locked(&self.readers).pop() {
            return Ok(reader);
        }
        // Only the writer makes tables, and only the first readers wait for it.
        self.opened(&mut locked(&self.writer))?;
        schema::open_reader(&self.path)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::bug(format!("the state store's thread ended: {e}")))?
}
