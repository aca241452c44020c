//! The store itself: one connection, opened when it is first needed, used on a blocking thread.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use busta_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

use crate::schema;

/// Control state in one SQLite file. Cheap to clone; all clones share the connection.
#[derive(Clone, Debug)]
pub struct StateStore {
    path: Arc<PathBuf>,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl StateStore {
    /// The store in the file at `path`. Touches nothing until its first use.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: Arc::new(path.into()), connection: Arc::default() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file yet; reading from a store without one creates it.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Runs `work` in one writing transaction. Writers of all processes follow one another.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || store.transact(work)).await;
        done.map_err(|e| Error::bug(format!("the state store's thread ended: {e}")))?
    }

    fn transact<T>(&self, work: impl FnOnce(&Connection, &Path) -> Result<T>) -> Result<T> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(schema::open(&self.path)?);
        }
        let Some(connection) = slot.as_mut() else {
            return Err(Error::bug("the state store did not open"));
        };
        let sql = |e| schema::of_sqlite(&self.path, e);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let result = work(&transaction, &self.path)?;
        transaction.commit().map_err(sql)?;
        Ok(result)
    }
}
