//! How many records earlier runs brought: what the volume of a run is held against.

use busta_core::report::SourceReport;
use busta_core::{Result, SourceName, StreamName};
use busta_store::{RunState, StateStore};

use crate::config::BuiltSource;

/// So many runs are looked through for those of a source.
const LOOK_BACK: usize = 200;

/// So many runs of a source count.
const COUNTED: usize = 10;

/// Tells the measurers of `sources` what their streams brought before.
pub async fn recall(store: &StateStore, sources: &[BuiltSource]) -> Result<()> {
    let reports: Vec<SourceReport> = store
        .runs(LOOK_BACK)
        .await?
        .into_iter()
        .filter(|run| run.state == RunState::Completed)
        .filter_map(|run| run.report)
        .flat_map(|report| report.sources)
        .collect();
    for source in sources {
        let Some(quality) = &source.quality else { continue };
        for stream in source.source.streams() {
            quality.learn(&stream.name, of_stream(&reports, &source.name, &stream.name));
        }
    }
    Ok(())
}

/// The counts of one stream, the newest first.
fn of_stream(reports: &[SourceReport], source: &SourceName, stream: &StreamName) -> Vec<u64> {
    let mine = reports.iter().filter(|report| report.name == *source);
    let counts = mine.flat_map(|report| &report.quality).filter(|quality| quality.stream == *stream);
    counts.map(|quality| quality.records).take(COUNTED).collect()
}
