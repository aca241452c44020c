//! The requests of this day, kept in memory for the metrics, which ask no database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use busta_core::SourceName;
use busta_core::clock::Clock;
use busta_store::StateStore;
use tokio_util::sync::CancellationToken;

/// How often the counts are read. Other processes count there, too.
const EVERY: Duration = Duration::from_secs(10);

/// How many requests the sources have sent today that may send only so many.
#[derive(Default)]
pub struct Today {
    counts: Mutex<BTreeMap<SourceName, u64>>,
}

impl Today {
    /// Those of a source, as they were last read.
    pub fn of(&self, source: &SourceName) -> Option<u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(source).copied()
    }

    /// Reads those of `sources` until `stop`.
    pub async fn watch(
        self: Arc<Self>,
        sources: Vec<SourceName>,
        store: StateStore,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) {
        while !sources.is_empty() {
            let today = clock.now().date_naive();
            for source in &sources {
                match store.requests_of_day(source, today).await {
                    Ok(count) => {
                        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                        counts.insert(source.clone(), count);
                    }
                    Err(error) => {
                        tracing::warn!(source = source.as_str(), error = %error, "the requests of the day cannot be read");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}
