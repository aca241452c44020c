//! Where what is measured comes from.

use std::sync::Arc;

use busta_core::SourceName;
use busta_engine::{Snapshot, WorkerAction};
use busta_server::model::SourceHealth;

use super::input::{
    BudgetMetrics, MetricsInput, PausedBy, ProcessMetrics, RunCounts, ScheduleMetrics, SourceMetrics,
};
use crate::config::BuiltSource;
use crate::process;
use crate::serve::board::Last;
use crate::serve::service::Serving;

/// Everything, as it is now. Takes no database and waits for nobody.
pub fn input(serving: &Serving) -> MetricsInput {
    let live = serving.runs.live();
    let snapshots: Vec<Arc<Snapshot>> = live.iter().map(|live| live.snapshot.borrow().clone()).collect();
    MetricsInput {
        version: env!("CARGO_PKG_VERSION"),
        started_at: serving.started,
        process: process_now(),
        tasks: serving.samples.resources().last().map_or(0, |sample| sample.tasks),
        runs: RunCounts {
            running: live.len() as u64,
            queued: serving.runs.waiting().len() as u64,
            ended: serving.runs.ended(),
            oldest: live.iter().map(|live| live.began.elapsed()).max(),
        },
        sources: serving
            .wired
            .config
            .sources
            .iter()
            .map(|built| source(serving, built, &snapshots))
            .collect(),
        pools: serving.pools(),
        queued: snapshots.iter().map(|snapshot| snapshot.queued as u64).sum(),
        workers: workers(&snapshots),
        hosts: serving.wired.hosts().view(),
        activity: serving.activity.counts(),
        traffic: serving.traffic.routes(),
    }
}

fn process_now() -> ProcessMetrics {
    let seen = process::of(std::process::id());
    ProcessMetrics {
        processor: seen.map(|seen| seen.processor),
        memory: seen.map(|seen| seen.memory),
        open_files: process::open_files(),
        most_files: process::most_open_files(),
    }
}

fn source(serving: &Serving, source: &BuiltSource, snapshots: &[Arc<Snapshot>]) -> SourceMetrics {
    let last = serving.board.last(&source.name);
    let schedule = serving.timetable.view(&source.name);
    SourceMetrics {
        figures: serving.wired.meter(&source.name).map(|meter| meter.figures()).unwrap_or_default(),
        health: last.as_ref().map_or(SourceHealth::Unknown, Last::health),
        last_run_at: last.as_ref().and_then(|last| last.run.finished_at),
        last_success_at: last.as_ref().and_then(|last| last.completed_at),
        schedule: schedule
            .map(|schedule| ScheduleMetrics { next_at: schedule.next_at, paused: schedule.paused }),
        paused: serving.timetable.pause_of(&source.name).map(|pause| match pause.reason {
            None => PausedBy::Person,
            Some(_) => PausedBy::Failures,
        }),
        budget: source.settings.budget.map(|settings| BudgetMetrics {
            settings,
            of_run: sent_by_runs(snapshots, &source.name),
            of_day: serving.today.of(&source.name),
        }),
        name: source.name.clone(),
    }
}

/// The requests that the runs under way have sent of a source.
fn sent_by_runs(snapshots: &[Arc<Snapshot>], source: &SourceName) -> u64 {
    let progress = snapshots.iter().flat_map(|snapshot| &snapshot.sources);
    progress.filter(|progress| progress.name == *source).map(|progress| progress.requests).sum()
}

fn workers(snapshots: &[Arc<Snapshot>]) -> Vec<WorkerAction> {
    snapshots.iter().flat_map(|snapshot| snapshot.workers.iter().map(|worker| worker.action)).collect()
}
