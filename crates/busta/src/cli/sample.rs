//! `busta sources validate --records N`: the first records of a source, transformed and measured, and
//! written nowhere.

use std::collections::VecDeque;

use anyhow::Result;
use busta_core::transform::Warning;
use busta_core::{Checkpoint, Failure, Records, Split};

use crate::config::BuiltSource;
use crate::figures;
use crate::output::line;
use crate::report::quality;

/// So many failures and warnings are shown.
const SHOWN: usize = 10;

/// What a look at the first records found.
#[derive(Default)]
struct Sample {
    records: u64,
    dropped: u64,
    failures: Vec<Failure>,
    warnings: Vec<Warning>,
}

/// Reads about `wanted` records and says what is to be said about them; `false` if any is not as it
/// should be.
pub async fn show(source: &BuiltSource, wanted: u64) -> Result<bool> {
    let mut sample = Sample::default();
    if let Err(error) = sample.read(source, wanted).await {
        line(&format!("{}: {error}", source.name))?;
        return Ok(false);
    }
    let qualities = source.quality.as_ref().map(|quality| quality.report()).unwrap_or_default();
    let dropped = match sample.dropped {
        0 => String::new(),
        n => format!(", {} filtered out", figures::count(n)),
    };
    line(&format!("{}: {} read{dropped}", source.name, figures::of(sample.records, "record")))?;
    for failure in sample.failures.iter().take(SHOWN) {
        let position = failure.position.as_deref().unwrap_or("a split");
        line(&format!("  failed at {position} ({}): {}", failure.stage, failure.reason))?;
    }
    for warning in sample.warnings.iter().take(SHOWN) {
        line(&format!("  warning of {}: {}", warning.rule, warning.message))?;
    }
    let more = sample.failures.len().saturating_sub(SHOWN) + sample.warnings.len().saturating_sub(SHOWN);
    if more > 0 {
        line(&format!("  and {more} more"))?;
    }
    for stream in &qualities {
        line(quality::stream(stream).trim_end())?;
    }
    let fails = qualities.iter().flat_map(|stream| &stream.findings).any(|finding| finding.fails);
    Ok(sample.failures.is_empty() && !fails)
}

impl Sample {
    async fn read(&mut self, source: &BuiltSource, wanted: u64) -> busta_core::Result<()> {
        if let Some(transform) = &source.transform {
            transform.prepare().await?;
        }
        let mut splits: VecDeque<Split> = source.source.plan(&Checkpoint::default()).await?.into();
        while let Some(split) = splits.pop_front() {
            let mut reader = source.source.open(&split, None).await?;
            while let Some(batch) = reader.next().await? {
                splits.extend(batch.found);
                self.failures.extend(batch.failures);
                let mut records = batch.records;
                records.truncate(usize::try_from(wanted - self.records).unwrap_or(usize::MAX));
                self.records += records.len() as u64;
                self.measure(source, &split, records);
                if self.records >= wanted {
                    return Ok(());
                }
                if batch.done {
                    break;
                }
            }
        }
        Ok(())
    }

    fn measure(&mut self, source: &BuiltSource, split: &Split, records: Records) {
        let (transform, quality) = (source.transform.as_deref(), source.quality.as_deref());
        let made = busta_engine::transformed(transform, quality, &split.stream, records);
        self.dropped += made.dropped;
        self.failures.extend(made.failures);
        self.warnings.extend(made.warnings);
    }
}
