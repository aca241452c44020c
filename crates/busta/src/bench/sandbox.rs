//! The origin: `busta sandbox` as a process of its own, so that its work is not taken for busta's.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::process;

/// It starts in milliseconds; so much later it has not started.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running sandbox. It ends when this is dropped.
pub struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["sandbox", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("the sandbox cannot be started")?;
        let stdout = child.stdout.take().context("the sandbox has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.context("the sandbox does not come up")??;
        match first {
            Some(url) if url.starts_with("http://") => Ok(Self { child, url }),
            _ => bail!("the sandbox has ended instead of saying its address"),
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its processor time so far.
    pub fn processor_time(&self) -> Duration {
        self.child.id().and_then(process::of).map_or(Duration::ZERO, |seen| seen.processor)
    }
}
