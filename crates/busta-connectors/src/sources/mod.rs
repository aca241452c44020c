//! What is collected from.

pub mod api;
pub mod archive;
pub mod files;
pub mod rss;
pub mod stac;

use busta_core::{Error, Result};

/// Runs work that blocks, and waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        if error.is_cancelled() {
            return Error::cancelled("the runtime is shutting down");
        }
        Error::bug(format!("reading panicked: {error}"))
    })
}
