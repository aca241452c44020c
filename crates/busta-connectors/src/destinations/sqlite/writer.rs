//! The writer: one thread with the one connection that writes.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use busta_core::destination::SchemaChange;
use busta_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::config::Location;
use super::errors::At;
use super::schema::Catalogue;
use super::{open, views};

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// Calls that may wait for the thread: the engine has one commit under way, and a `prepare` per source.
const QUEUE: usize = 16;

/// The handle to the thread. Dropping it waits for the job under way and closes the database.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; the database is opened by the first job.
    pub fn start(location: Location, changes: Arc<Mutex<Vec<SchemaChange>>>) -> Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let run = move || {
            let mut session = Session { location, changes, open: None };
            while let Some(job) = queue.blocking_recv() {
                job(&mut session);
            }
        };
        let thread = std::thread::Builder::new()
            .name("busta-sqlite".into())
            .spawn(run)
            .map_err(|error| Error::unavailable(format!("cannot start the writer's thread: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// A sender of jobs, so that no lock is held while waiting.
    pub fn handle(&self) -> Option<Handle> {
        self.jobs.clone().map(Handle)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already been answered with an error.
            let _ = thread.join();
        }
    }
}

/// Sends jobs to the writer's thread.
pub(super) struct Handle(mpsc::Sender<Job>);

impl Handle {
    /// Runs `job` on the writer's thread. If the caller goes away, the job still runs to its end.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |session| drop(answer.send(job(session))));
        let gone = || Error::bug("the writer's thread has ended");
        self.0.send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// What the thread owns.
pub(super) struct Session {
    location: Location,
    changes: Arc<Mutex<Vec<SchemaChange>>>,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    file: FileId,
    /// The catalogue as of this `PRAGMA schema_version`; every change of it changes that too.
    catalogue: Option<(i64, Catalogue)>,
}

impl Session {
    /// Runs `body` in one transaction, which is durable when this returns `Ok`.
    ///
    /// After an error nothing of it is there, and the connection is closed, so that the next attempt
    /// starts from what the file really holds.
    pub fn transaction<T>(
        &mut self,
        body: impl FnOnce(&Connection, &mut Catalogue) -> Result<T>,
        before_commit: &str,
        after_commit: &str,
    ) -> Result<T> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.location)?,
        };
        open.file.check(&self.location)?;
        let (value, changes) = open.transaction(&self.location, body, before_commit)?;
        busta_core::failpoint::hit(after_commit);
        if let Ok(mut all) = self.changes.lock() {
            all.extend(changes);
        }
        self.open = Some(open);
        Ok(value)
    }

    /// Where the database is.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

impl Open {
    fn new(location: &Location) -> Result<Self> {
        let connection = open::writer(location)?;
        Ok(Self { connection, file: FileId::of(location)?, catalogue: None })
    }

    fn transaction<T>(
        &mut self,
        location: &Location,
        body: impl FnOnce(&Connection, &mut Catalogue) -> Result<T>,
        before_commit: &str,
    ) -> Result<(T, Vec<SchemaChange>)> {
        let path = &location.path;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        let version = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.prepare_cached("PRAGMA schema_version")?.query_row([], |row| row.get(0))
        };
        let now = version(&transaction).at(path)?;
        let mut catalogue = match self.catalogue.take() {
            Some((known, catalogue)) if known == now => catalogue,
            _ => Catalogue::load(&transaction).at(path)?,
        };
        let value = body(&transaction, &mut catalogue)?;
        views::settle(&transaction, &catalogue).at(path)?;
        let after = version(&transaction).at(path)?;
        busta_core::failpoint::hit(before_commit);
        transaction.commit().at(path)?;
        let changes = std::mem::take(&mut catalogue.changes);
        self.catalogue = Some((after, catalogue));
        Ok((value, changes))
    }
}

/// Which file was opened: SQLite goes on writing to one that was removed, and nobody would notice.
#[derive(PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    pub fn of(location: &Location) -> Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let path = location.path.display();
        let meta = std::fs::metadata(&location.path).map_err(|error| {
            Error::unavailable(format!("{path}: the database file is gone: {error}"))
                .hint("put it back, or start again: what is collected next goes into a new file")
                .caused_by(error)
        })?;
        Ok(Self(meta.dev(), meta.ino()))
    }

    #[cfg(not(unix))]
    pub fn of(_: &Location) -> Result<Self> {
        // Elsewhere an open file cannot be removed.
        Ok(Self(0, 0))
    }

    pub fn check(&self, location: &Location) -> Result<()> {
        if *self == Self::of(location)? {
            return Ok(());
        }
        let path = location.path.display();
        Err(Error::unavailable(format!("{path}: the database file was replaced by another one"))
            .hint("let nobody move the file while busta writes, then `--resume`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busta_core::ErrorKind;

    /// A commit that finds the disk full leaves nothing behind, and can be repeated.
    #[test]
    fn a_full_disk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location {
            path: folder.path().join("busta.db"),
            may_make_folder: false,
            busy_timeout: std::time::Duration::from_millis(20),
        };
        let mut session = Session { location, changes: Arc::default(), open: None };
        let mut commit = |limit: &str| {
            session.transaction(
                |connection, _| {
                    let fill = "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(1000000))";
                    connection.execute_batch(limit).unwrap();
                    connection.execute_batch(fill).at(std::path::Path::new("busta.db"))?;
                    connection
                        .query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                        .at("".as_ref())
                },
                "",
                "",
            )
        };
        let error = commit("PRAGMA max_page_count = 30").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("disk is full") && error.hint_text().is_some(), "{error}");
        assert_eq!(commit("").unwrap(), 1);
    }
}
