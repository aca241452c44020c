//! Runs that wait, pages of runs, and what is found at start.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use busta_core::ErrorKind;
use busta_core::report::Status;
use busta_store::{NewRun, RunFilter, RunState, StateStore, StoredRun, Trigger};
use common::{Home, at, new_run, report};

/// Runs that ended, one a second, of a source each.
async fn ended(store: &StateStore, sources: &[&str]) {
    for (n, source) in (0..).zip(sources) {
        let lease = store.begin(new_run(n, &[source])).await.unwrap();
        let report = report(&lease.run().clone(), Status::Completed, &[source]);
        store.finish(lease, &report).await.unwrap();
    }
}

fn starts(runs: &[StoredRun]) -> Vec<i64> {
    runs.iter().map(|run| (run.started - at(0)).num_seconds()).collect()
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_has_ended() {
    let home = Home::new();
    let store = home.open();
    ended(&store, &["a", "b", "a", "a", "b"]).await;
    let mut filter = RunFilter { source: Some("a".into()), limit: 2, ..RunFilter::default() };
    let first = store.runs_page(filter.clone()).await.unwrap();
    assert_eq!(starts(&first), [3, 2]);
    assert_eq!(first[0].totals.splits, 1);
    assert_eq!((first[0].totals.retries, first[0].totals.duration_s), (4, 9.0));
    assert!(first[0].report.is_none(), "it was not asked for");
    filter.before = Some(first[1].id.clone());
    assert_eq!(starts(&store.runs_page(filter.clone()).await.unwrap()), [0]);
    filter.state = Some(RunState::Failed);
    assert!(store.runs_page(filter).await.unwrap().is_empty());
    let all = RunFilter { state: Some(RunState::Completed), limit: 9, ..RunFilter::default() };
    assert_eq!(starts(&store.runs_page(all).await.unwrap()), [4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn the_last_run_of_each_source_has_its_part_of_the_report() {
    let home = Home::new();
    let store = home.open();
    ended(&store, &["a", "b", "a"]).await;
    let _live = store.begin(new_run(9, &["a"])).await.unwrap();
    store.queue(new_run(10, &["a"]), None).await.unwrap();
    let last = store.last_ended(vec!["a".into(), "b".into(), "never".into()]).await.unwrap();
    assert_eq!(last.len(), 2);
    assert_eq!(starts(&[last["a"].run.clone(), last["b"].run.clone()]), [2, 1]);
    assert_eq!(last["b"].part.as_ref().unwrap().name, "b".into());
    let of_a = store.last_ended_of_source(&"a".into(), 5).await.unwrap();
    assert_eq!(starts(&of_a), [2, 0]);
    assert!(of_a[0].report.is_some());
}

#[tokio::test]
async fn a_queued_run_waits_over_a_restart_and_starts_once() {
    let home = Home::new();
    let store = home.open();
    let live = store.begin(new_run(1, &["a"])).await.unwrap();
    let waiting = NewRun { trigger: Trigger::Api, ..new_run(2, &["a"]) };
    let id = waiting.id.clone();
    store.queue(waiting, Some(live.run().clone())).await.unwrap();
    assert_eq!(store.start_queued(&id, at(3)).await.unwrap_err().kind(), ErrorKind::Conflict);
    drop((live, store));

    let store = home.open();
    let queued = store.queued().await.unwrap();
    assert_eq!((queued.len(), queued[0].state, queued[0].trigger), (1, RunState::Queued, Trigger::Api));
    assert_eq!(queued[0].behind, Some(new_run(1, &[]).id));
    assert_eq!(store.resume(&id, Trigger::Api).await.unwrap_err().kind(), ErrorKind::Conflict);
    let lease = store.start_queued(&id, at(5)).await.unwrap();
    let run = store.run(id.as_str()).await.unwrap();
    assert_eq!((run.state, run.started), (RunState::Running, at(5)));
    assert!(store.queued().await.unwrap().is_empty());
    let error = store.unqueue(&id, at(6)).await.unwrap_err();
    assert!(error.message().contains("does not wait: it is running"), "{error}");
    drop(lease);
}

#[tokio::test]
async fn a_run_taken_out_of_the_queue_is_gone_for_good_and_stands_in_nobodys_way() {
    let home = Home::new();
    let store = home.open();
    drop(store.begin(new_run(1, &["a"])).await.unwrap());
    let waiting = new_run(2, &["a"]);
    store.queue(waiting.clone(), None).await.unwrap();
    let resumable = store.newest_resumable().await.unwrap().unwrap();
    assert_eq!(resumable.id, new_run(1, &[]).id, "a run that only waits supersedes nothing");
    store.unqueue(&waiting.id, at(3)).await.unwrap();
    assert_eq!(store.run(waiting.id.as_str()).await.unwrap().state, RunState::Abandoned);
    assert!(store.start_queued(&waiting.id, at(4)).await.is_err());
    store.resume(&resumable.id, Trigger::Resume).await.unwrap();
}

#[tokio::test]
async fn runs_supersede_in_the_order_in_which_they_were_started() {
    let home = Home::new();
    let store = home.open();
    let waiting = new_run(1, &["a"]);
    store.queue(waiting.clone(), None).await.unwrap();
    let jumped = store.begin(new_run(2, &["a"])).await.unwrap();
    let jumped_id = jumped.run().clone();
    drop(jumped);
    drop(store.start_queued(&waiting.id, at(3)).await.unwrap());
    assert_eq!(store.newest_resumable().await.unwrap().unwrap().id, waiting.id);
    assert_eq!(store.resume(&jumped_id, Trigger::Api).await.unwrap_err().kind(), ErrorKind::Conflict);
    store.resume(&waiting.id, Trigger::Api).await.unwrap();
}

#[tokio::test]
async fn what_was_interrupted_is_found_and_marked() {
    let home = Home::new();
    let dead = home.open().begin(new_run(1, &["a"])).await.unwrap();
    let live = home.open().begin(new_run(2, &["b"])).await.unwrap();
    let (dead_id, live_id) = (dead.run().clone(), live.run().clone());
    drop(dead);
    let store = home.open();
    assert_eq!(starts(&store.interrupted().await.unwrap()), [1]);
    assert_eq!(store.mark_interrupted(&live_id).await.unwrap_err().kind(), ErrorKind::Conflict);
    store.mark_interrupted(&dead_id).await.unwrap();
    assert_eq!(store.run(dead_id.as_str()).await.unwrap().state, RunState::Interrupted);
    assert_eq!(std::fs::read_dir(home.0.path().join(".busta/runs")).unwrap().count(), 1);
    let lease = store.resume(&dead_id, Trigger::Resume).await.unwrap();
    assert_eq!(store.run(dead_id.as_str()).await.unwrap().trigger, Trigger::Resume);
    drop(lease);
    assert_eq!(starts(&store.interrupted().await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_neither_sees_an_ending_run_as_dead_nor_keeps_its_lock_from_it() {
    let home = Home::new();
    let store = home.open();
    let looks = home.open();
    let id = new_run(0, &[]).id;
    drop(store.begin(new_run(0, &["a"])).await.unwrap());
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let looking = tokio::spawn(async move {
        let mut seen = Vec::new();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            seen.extend(looks.runs(9).await.unwrap().into_iter().map(|run| run.state));
        }
        seen
    });
    let first = store.resume(&id, Trigger::Api).await.unwrap();
    store.finish(first, &report(&id, Status::Partial, &["a"])).await.unwrap();
    for _ in 0..50 {
        // Had somebody who looks held the lock, this would be refused.
        let lease = store.resume(&id, Trigger::Api).await.unwrap();
        store.finish(lease, &report(&id, Status::Partial, &["a"])).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut seen = looking.await.unwrap();
    // It was interrupted before the first resume, which may have been seen too.
    seen.dedup();
    assert!(!seen.iter().skip(1).any(|state| *state == RunState::Interrupted), "{seen:?}");
}
