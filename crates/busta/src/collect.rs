//! One collection from its plan to its report: starts the engine, shows progress, heeds signals.

use std::time::Duration;

use anyhow::Result;
use busta_core::report::RunReport;
use busta_core::{SourceName, StreamName};
use busta_engine::RunPlan;
use busta_store::MeanDurations;

use crate::output::note;
use crate::process::Usage;
use crate::progress::{Progress, Show};
use crate::signals::{Signal, Signals};
use crate::wiring;

/// How a collection ended.
pub struct Collected {
    /// The engine's report, with memory and processor time filled in.
    pub report: RunReport,
    /// How long splits took.
    pub durations: MeanDurations,
    /// What stopped it, if anything did.
    pub signal: Option<Signal>,
}

/// Carries out `plan`.
pub async fn collect(plan: RunPlan, show: Show) -> Result<Collected> {
    let usage = Usage::begin();
    let mut signals = Signals::listen()?;
    let handle = busta_engine::start(plan, wiring::clock());
    let progress = Progress::start(handle.snapshot(), show);
    let stop = handle.stopper();
    let mut signal = None;
    let mut end = std::pin::pin!(handle.join());
    let outcome = loop {
        tokio::select! {
            outcome = &mut end => break outcome,
            again = signals.next() => match signal {
                None => {
                    signal = Some(again);
                    note("stopping after what is in flight; again to stop at once");
                    stop();
                }
                Some(_) => std::process::exit(again.exit_code().into()),
            },
        }
    };
    progress.end().await;
    let outcome = outcome?;
    let mut report = outcome.report;
    usage.fill(&mut report);
    Ok(Collected { report, durations: durations(outcome.split_durations), signal })
}

/// How long splits took, by source and stream.
pub fn durations(splits: Vec<(SourceName, StreamName, Duration)>) -> MeanDurations {
    let mut durations = MeanDurations::new();
    for (source, stream, mean) in splits {
        durations.entry(source).or_default().insert(stream, mean);
    }
    durations
}
