//! Sources that are paused: by a run that met too many failures, or by somebody.

use std::time::Duration;

use busta_core::Result;
use busta_core::report::{RunReport, Status, StoppedBy};
use busta_store::{ScheduleState, StateStore};
use chrono::{DateTime, TimeDelta, Utc};

/// Between two looks whether a source answers again there is no more than this.
const LONGEST: Duration = Duration::from_secs(3600);

/// Writes down what a run has shown: which sources are paused from now on, and which go on, since all of
/// theirs was collected.
pub async fn heed(store: &StateStore, report: &RunReport) -> Result<()> {
    let ended = |source: &busta_core::report::SourceReport| {
        let by_failures = source.stopped.as_ref().filter(|stopped| stopped.by == StoppedBy::Failures);
        (source.name.clone(), source.status, by_failures.map(|stopped| stopped.reason.clone()))
    };
    let ended: Vec<_> = report.sources.iter().map(ended).collect();
    for (source, _, reason) in &ended {
        if let Some(reason) = reason {
            store.pause_failing(source, &report.run_id, reason, report.finished_at).await?;
        }
    }
    let well = |status| status == Status::Completed;
    if !ended.iter().any(|(_, status, _)| well(*status)) {
        return Ok(());
    }
    let schedules = store.schedules().await?;
    let failing = |source| schedules.get(source).is_some_and(|state| state.failing.is_some());
    for (source, ..) in ended.iter().filter(|(source, status, _)| well(*status) && failing(source)) {
        store.resume_failing(source, report.finished_at).await?;
    }
    Ok(())
}

/// When a source that was paused by itself is asked next whether it answers again. `None` if it is not
/// paused, if somebody has paused it, and if nobody is to ask.
pub fn next_probe(state: &ScheduleState, first: Duration) -> Option<DateTime<Utc>> {
    let failing = state.failing.as_ref().filter(|_| !first.is_zero())?;
    let doubled = first.saturating_mul(2_u32.saturating_pow(failing.probes)).min(LONGEST.max(first));
    let since = failing.probed_at.or(state.paused_at)?;
    since.checked_add_signed(TimeDelta::from_std(doubled).ok()?)
}

#[cfg(test)]
mod tests {
    use busta_store::FailurePause;

    use super::*;

    #[test]
    fn probes_come_ever_later() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let state = |probes, probed: Option<i64>| ScheduleState {
            since: at(0),
            last_due_at: None,
            paused_at: Some(at(100)),
            failing: Some(FailurePause {
                reason: "it failed".to_owned(),
                run: "r".into(),
                probes,
                probed_at: probed.map(at),
            }),
        };
        let next = |state: &ScheduleState, first| {
            next_probe(state, Duration::from_secs(first)).map(|at| at.timestamp())
        };
        assert_eq!(next(&state(0, None), 60), Some(160));
        assert_eq!(next(&state(1, Some(160)), 60), Some(280));
        assert_eq!(next(&state(3, Some(1000)), 60), Some(1480));
        assert_eq!(next(&state(40, Some(1000)), 60), Some(4600));
        assert_eq!(next(&state(5, Some(1000)), 7200), Some(8200));
        assert_eq!(next(&state(0, None), 0), None);
        assert_eq!(
            next(&ScheduleState { failing: None, ..state(0, None) }, 60),
            None,
            "somebody has paused it"
        );
    }
}
