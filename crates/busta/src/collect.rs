//! One collection from its plan to its report: starts the engine, shows progress, heeds signals.

use anyhow::Result;
use busta_core::report::RunReport;
use busta_engine::{RunOutcome, RunPlan};

use crate::output::note;
use crate::process::Usage;
use crate::progress::{Progress, Show};
use crate::session::Learnt;
use crate::signals::{Signal, Signals};
use crate::wiring;

/// How a collection ended.
pub struct Collected {
    /// The engine's report, with memory and processor time filled in.
    pub report: RunReport,
    /// What the next runs are planned by.
    pub learnt: Learnt,
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
    let RunOutcome { mut report, split_durations, requests } = outcome?;
    usage.fill(&mut report);
    Ok(Collected { report, learnt: Learnt::of(split_durations, requests), signal })
}
