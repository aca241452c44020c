//! What is shown while a run is under way.

mod plain;
mod terminal;

use std::io::IsTerminal;
use std::sync::Arc;

use busta_engine::Snapshot;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Live lines on a terminal.
    Terminal,
    /// A line every few seconds.
    Plain,
}

impl Show {
    /// Live lines if stderr is a terminal.
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() { Self::Terminal } else { Self::Plain }
    }
}

/// A task that shows a run until it is told to end.
pub struct Progress {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Progress {
    /// Begins to show what `snapshots` publishes.
    pub fn start(snapshots: watch::Receiver<Arc<Snapshot>>, show: Show) -> Self {
        let (end, ended) = oneshot::channel();
        let task = match show {
            Show::Terminal => tokio::spawn(terminal::show(snapshots, ended)),
            Show::Plain => tokio::spawn(plain::show(snapshots, ended)),
        };
        Self { task, end }
    }

    /// Takes the live lines away.
    pub async fn end(self) {
        let _ = self.end.send(());
        // A display that failed must not fail the run.
        let _ = self.task.await;
    }
}
