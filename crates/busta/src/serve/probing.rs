//! Looks now and then whether sources that were paused by themselves answer again.

use std::sync::Arc;
use std::time::Duration;

use busta_core::secret::redact;
use busta_core::{Error, Result, SourceName};
use tokio_util::sync::CancellationToken;

use super::service::Serving;

/// What other processes pause and resume is seen after this at the latest.
const LOOK: Duration = Duration::from_secs(2);

/// A probe is one request; with its redirects and a token it takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until `stop`.
pub async fn run(serving: Arc<Serving>, stop: CancellationToken) {
    loop {
        let now = serving.clock.now();
        let next = serving.timetable.probes().into_iter().map(|(_, at)| at).min();
        let wait = next.map_or(LOOK, |at| (at - now).to_std().unwrap_or_default());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait.clamp(Duration::from_millis(50), LOOK)) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            looked = look(&serving) => {
                if let Err(error) = looked {
                    tracing::warn!(error = %error, "what is paused cannot be read or written");
                }
            }
        }
    }
}

async fn look(serving: &Serving) -> Result<()> {
    serving.timetable.sync("somebody has resumed it").await?;
    let now = serving.clock.now();
    let due = serving.timetable.probes().into_iter().filter(|(_, at)| *at <= now);
    for (source, _) in due {
        // A run that is under way shows better than any probe how it does.
        if !serving.runs.holds(&source) {
            probe(serving, &source).await?;
        }
    }
    Ok(())
}

async fn probe(serving: &Serving, name: &SourceName) -> Result<()> {
    let Some(source) = serving.wired.config.sources.iter().find(|source| source.name == *name) else {
        return Ok(());
    };
    let late = || Error::unavailable(format!("no answer within {PATIENCE:?}"));
    let answer = tokio::time::timeout(PATIENCE, source.source.test()).await.unwrap_or_else(|_| Err(late()));
    match answer {
        Ok(probe) => {
            let how = format!("it answers again: {}", redact(&probe.summary));
            serving.timetable.answered(name, &how).await
        }
        Err(error) => serving.timetable.unanswered(name, &redact(&error.to_string())).await,
    }
}
