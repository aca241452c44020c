//! What the engine and the store know, in the words of the API.

use busta_core::report::{self, HostReport, Phases, RunReport, SourceReport, Status, Stopped, StoppedBy};
use busta_engine::{HostState, PoolProgress, Snapshot, SourceFigures, SourceProgress, WorkerProgress};
use busta_server::model::{
    HostView, LiveRun, PhaseProgress, PoolView, PresetView, RunState, RunSummary, RunTotals, SettingOrigin,
    SettingView, SettingsView, SourceRun, StoppedView, TimeSpent, Trigger, WorkerAction, WorkerView,
};
use busta_store::StoredRun;
use tokio::time::Instant;

use super::live::Live;
use super::runs::Waiting;
use crate::config::{Origin, Setting, Shown};
use crate::wiring::Wired;

/// A run of the history.
pub fn stored(run: &StoredRun) -> RunSummary {
    let totals = &run.totals;
    RunSummary {
        id: run.id.to_string(),
        state: state(run.state),
        trigger: trigger(run.trigger),
        sources: run.sources.iter().map(ToString::to_string).collect(),
        started_at: run.started,
        finished_at: run.finished,
        duration_s: totals.duration_s,
        totals: RunTotals {
            records: totals.records,
            bytes: totals.bytes,
            requests: totals.requests,
            retries: totals.retries,
            failures: totals.failures,
            splits: totals.splits,
        },
    }
}

/// A run under way.
pub fn live(live: &Live) -> RunSummary {
    let snapshot = live.snapshot.borrow();
    RunSummary {
        id: live.run.to_string(),
        state: RunState::Running,
        trigger: trigger(live.trigger),
        sources: live.sources.iter().map(ToString::to_string).collect(),
        started_at: live.started,
        finished_at: None,
        duration_s: live.began.elapsed().as_secs_f64(),
        totals: sum(snapshot.sources.iter().map(done)),
    }
}

/// A run that waits.
pub fn waiting(waiting: &Waiting) -> RunSummary {
    RunSummary {
        id: waiting.run.to_string(),
        state: RunState::Queued,
        trigger: trigger(waiting.trigger),
        sources: waiting.sources.iter().map(ToString::to_string).collect(),
        started_at: waiting.since,
        finished_at: None,
        duration_s: 0.0,
        totals: RunTotals::default(),
    }
}

/// A run that has ended, from its report.
pub fn ended(report: &RunReport, by: busta_store::Trigger) -> RunSummary {
    RunSummary {
        id: report.run_id.to_string(),
        state: of_status(report.status),
        trigger: trigger(by),
        sources: report.sources.iter().map(|source| source.name.to_string()).collect(),
        started_at: report.started_at,
        finished_at: Some(report.finished_at),
        duration_s: report.duration_s,
        totals: sum(report.sources.iter().map(brought)),
    }
}

/// What happens in a run now.
pub fn happening(live: &Live) -> LiveRun {
    let snapshot = live.snapshot.borrow();
    LiveRun {
        elapsed_s: live.began.elapsed().as_secs_f64(),
        records_per_s: snapshot.records_per_s,
        bytes_per_s: snapshot.bytes_per_s,
        eta_s: snapshot.eta.map(|eta| eta.as_secs_f64()),
        in_flight: snapshot.in_flight as u64,
        queued: snapshot.queued as u64,
        stopping: snapshot.stopping,
        workers: snapshot.workers.iter().map(worker).collect(),
        pools: snapshot.pools.iter().map(pool).collect(),
        held_back: snapshot.held_back.iter().map(host_of_report).collect(),
    }
}

/// The sources of a run under way.
pub fn sources_of_snapshot(snapshot: &Snapshot) -> Vec<SourceRun> {
    snapshot.sources.iter().map(source_of_snapshot).collect()
}

/// The sources of a run that has ended.
pub fn sources_of_report(report: &RunReport) -> Vec<SourceRun> {
    report.sources.iter().map(source_of_report).collect()
}

fn source_of_snapshot(source: &SourceProgress) -> SourceRun {
    SourceRun {
        name: source.name.to_string(),
        kind: source.kind.clone(),
        state: of_status(source.status),
        splits_known: source.splits_known as u64,
        in_flight: source.in_flight as u64,
        totals: done(source),
        time: time(&source.phases),
        phases: phases(&source.progress),
        cost: source.cost,
        estimate: source.estimate,
        stopped: source.stopped.as_ref().map(stopped),
        waiting: source.waiting.clone(),
        error: source.error.clone(),
    }
}

fn source_of_report(source: &SourceReport) -> SourceRun {
    SourceRun {
        name: source.name.to_string(),
        kind: source.kind.clone(),
        state: of_status(source.status),
        splits_known: source.splits.max(source.progress.iter().map(|phase| phase.splits_total).sum()),
        in_flight: 0,
        totals: brought(source),
        time: time(&source.phases),
        phases: phases(&source.progress),
        cost: source.cost,
        estimate: source.estimate,
        stopped: source.stopped.as_ref().map(stopped),
        waiting: None,
        error: source.error.clone(),
    }
}

/// What a source's part of a run has done so far.
fn done(source: &SourceProgress) -> RunTotals {
    RunTotals {
        records: source.records,
        bytes: source.bytes,
        requests: source.requests,
        retries: source.retries,
        failures: source.failures,
        splits: source.splits_done as u64,
    }
}

/// What a source's part of a run has done.
fn brought(source: &SourceReport) -> RunTotals {
    RunTotals {
        records: source.records,
        bytes: source.bytes,
        requests: source.requests,
        retries: source.retries,
        failures: source.failures,
        splits: source.splits,
    }
}

/// What was counted of a source since the process began.
pub fn counted(figures: &SourceFigures) -> RunTotals {
    RunTotals {
        records: figures.streams.values().map(|stream| stream.inserted + stream.updated).sum(),
        bytes: figures.bytes,
        requests: figures.requests,
        retries: figures.retries,
        failures: figures.failures,
        splits: figures.splits,
    }
}

/// What was done since the process began.
pub fn since_start(wired: &Wired) -> RunTotals {
    let meters = wired.config.sources.iter().filter_map(|source| wired.meter(&source.name));
    sum(meters.map(|meter| counted(&meter.figures())))
}

/// All together.
pub fn sum(parts: impl Iterator<Item = RunTotals>) -> RunTotals {
    parts.fold(RunTotals::default(), |sum, part| RunTotals {
        records: sum.records + part.records,
        bytes: sum.bytes + part.bytes,
        requests: sum.requests + part.requests,
        retries: sum.retries + part.retries,
        failures: sum.failures + part.failures,
        splits: sum.splits + part.splits,
    })
}

fn phases(progress: &[report::PhaseProgress]) -> Vec<PhaseProgress> {
    let view = |part: &report::PhaseProgress| PhaseProgress {
        phase: part.phase.clone(),
        splits_done: part.splits_done,
        splits_total: part.splits_total,
        records: part.records,
    };
    progress.iter().map(view).collect()
}

fn stopped(stopped: &Stopped) -> StoppedView {
    let by = match stopped.by {
        StoppedBy::Budget => "budget",
        StoppedBy::Failures => "failures",
    };
    StoppedView { by: by.to_owned(), reason: stopped.reason.clone() }
}

fn time(phases: &Phases) -> TimeSpent {
    TimeSpent {
        limits_s: phases.limits_s,
        server_s: phases.wait_s,
        parse_s: phases.parse_s,
        transform_s: phases.transform_s,
        write_s: phases.write_s,
    }
}

fn worker(worker: &WorkerProgress) -> WorkerView {
    WorkerView {
        worker_id: worker.worker,
        action: match worker.action {
            busta_engine::WorkerAction::Idle => WorkerAction::Idle,
            busta_engine::WorkerAction::Opening => WorkerAction::Opening,
            busta_engine::WorkerAction::Fetching => WorkerAction::Fetching,
            busta_engine::WorkerAction::Transforming => WorkerAction::Transforming,
            busta_engine::WorkerAction::Writing => WorkerAction::Writing,
        },
        source: worker.source.as_ref().map(ToString::to_string),
        stream: worker.stream.as_ref().map(ToString::to_string),
        split: worker.split.as_ref().map(ToString::to_string),
        phase: worker.phase.clone(),
        subject: worker.subject.clone(),
        since_s: worker.since.map(|since| Instant::now().saturating_duration_since(since).as_secs_f64()),
        batches: worker.batches,
        records: worker.records,
        attempt: worker.attempt,
        splits_done: worker.splits_done,
        records_done: worker.records_done,
    }
}

/// How a source is configured.
pub fn settings(shown: &Shown) -> SettingsView {
    let preset =
        |(name, values): &(String, _)| PresetView { name: name.clone(), values: Clone::clone(values) };
    let setting = |setting: &Setting| SettingView {
        name: setting.name.clone(),
        value: setting.value.clone(),
        origin: match setting.origin {
            Origin::Section => SettingOrigin::File,
            Origin::Preset => SettingOrigin::Preset,
            Origin::Default => SettingOrigin::Default,
        },
    };
    SettingsView {
        presets: shown.presets.iter().map(preset).collect(),
        values: shown.settings.iter().map(setting).collect(),
    }
}

/// A pool, of one run or of the process.
pub fn pool(pool: &PoolProgress) -> PoolView {
    PoolView {
        name: pool.name.as_str().to_owned(),
        places: pool.places.map(|places| places as u64),
        taken: pool.taken as u64,
        waiting: pool.waiting as u64,
    }
}

/// A host as it stands now.
pub fn host(host: &HostState) -> HostView {
    HostView {
        host: host.host.clone(),
        in_flight: host.in_flight as u64,
        limit: host.limit.map(|limit| limit as u64),
        rate: host.rate,
        paused: host.paused,
        requests: host.requests,
        limited: host.limited,
        latency_mean_ms: host.latency_mean_ms,
    }
}

fn host_of_report(host: &HostReport) -> HostView {
    HostView {
        host: host.host.clone(),
        in_flight: 0,
        limit: host.limit.map(|limit| limit as u64),
        rate: host.rate,
        paused: false,
        requests: host.requests,
        limited: host.limited,
        latency_mean_ms: host.latency_mean_ms,
    }
}

/// How a part of a run stands.
pub fn of_status(status: Status) -> RunState {
    match status {
        Status::Queued => RunState::Queued,
        Status::Running => RunState::Running,
        Status::Completed => RunState::Completed,
        Status::Partial => RunState::Partial,
        Status::Failed => RunState::Failed,
        Status::Cancelled => RunState::Cancelled,
    }
}

fn state(state: busta_store::RunState) -> RunState {
    match state {
        busta_store::RunState::Queued => RunState::Queued,
        busta_store::RunState::Running => RunState::Running,
        busta_store::RunState::Interrupted => RunState::Interrupted,
        busta_store::RunState::Completed => RunState::Completed,
        busta_store::RunState::Partial => RunState::Partial,
        busta_store::RunState::Failed => RunState::Failed,
        busta_store::RunState::Cancelled => RunState::Cancelled,
        busta_store::RunState::Abandoned => RunState::Abandoned,
    }
}

/// The stored word for a state that the API names.
pub fn stored_state(state: RunState) -> busta_store::RunState {
    match state {
        RunState::Queued => busta_store::RunState::Queued,
        RunState::Running => busta_store::RunState::Running,
        RunState::Interrupted => busta_store::RunState::Interrupted,
        RunState::Completed => busta_store::RunState::Completed,
        RunState::Partial => busta_store::RunState::Partial,
        RunState::Failed => busta_store::RunState::Failed,
        RunState::Cancelled => busta_store::RunState::Cancelled,
        RunState::Abandoned => busta_store::RunState::Abandoned,
    }
}

fn trigger(trigger: busta_store::Trigger) -> Trigger {
    match trigger {
        busta_store::Trigger::Command => Trigger::Command,
        busta_store::Trigger::Schedule => Trigger::Schedule,
        busta_store::Trigger::CatchUp => Trigger::CatchUp,
        busta_store::Trigger::Api => Trigger::Api,
        busta_store::Trigger::Resume => Trigger::Resume,
    }
}
