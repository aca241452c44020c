//! Work that blocks: on threads that may, and waited for.

use busta_core::{Error, Result};
use tokio::task::JoinError;

/// Runs `work` on a thread that may block, and waits for it.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    ended(tokio::task::spawn_blocking(work).await)
}

/// The same for work that takes long only if `is_large`; else it is done at once.
pub(crate) async fn blocking_if<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    if is_large { blocking(work).await } else { Ok(work()) }
}

/// The same for work that may fail.
pub(crate) async fn trying<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    blocking(work).await?
}

/// What became of work that was begun: a panic is a bug, and what was not begun any more is cancelled.
pub(crate) fn ended<T>(joined: std::result::Result<T, JoinError>) -> Result<T> {
    joined.map_err(|error| {
        if error.is_cancelled() {
            return Error::cancelled("the runtime is shutting down");
        }
        Error::bug(format!("work on a thread that may block has panicked: {error}"))
    })
}
