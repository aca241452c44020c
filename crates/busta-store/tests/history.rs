//! The history of runs, as commands and crashes see it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::HashMap;
use std::time::Duration;

use busta_core::ErrorKind;
use busta_core::report::Status;
use busta_store::{RunState, StateStore, Trigger};
use common::{Home, at, new_run, report};

#[tokio::test]
async fn a_finished_run_is_kept_with_its_report() {
    let home = Home::new();
    let store = home.open();
    let lease = store.begin(new_run(1, &["a", "b"])).await.unwrap();
    let id = lease.run().clone();
    store.finish(lease, &report(&id, Status::Completed, &["a", "b"])).await.unwrap();

    let run = home.open().run(id.as_str()).await.unwrap();
    assert_eq!(run.state, RunState::Completed);
    assert_eq!(run.finished, Some(at(9)));
    assert_eq!(run.limit, Some(5));
    assert!(run.full_refresh);
    assert_eq!(run.report.unwrap().retries, 4);
    assert_eq!(home.open().newest_resumable().await.unwrap().map(|run| run.id), None);
    assert_eq!(std::fs::read_dir(home.0.path().join(".busta/runs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_run_whose_process_is_gone_is_interrupted_and_can_be_resumed() {
    let home = Home::new();
    let lease = home.open().begin(new_run(2, &["a"])).await.unwrap();
    let id = lease.run().clone();
    assert_eq!(home.open().run(id.as_str()).await.unwrap().state, RunState::Running);
    assert!(home.open().newest_resumable().await.unwrap().is_none());

    drop(lease);
    let run = home.open().newest_resumable().await.unwrap().unwrap();
    assert_eq!((run.id, run.state), (id.clone(), RunState::Interrupted));

    let lease = home.open().resume(&id, Trigger::Command).await.unwrap();
    assert_eq!(home.open().run(id.as_str()).await.unwrap().state, RunState::Running);
    assert_eq!(home.open().resume(&id, Trigger::Command).await.unwrap_err().kind(), ErrorKind::Conflict);
    home.open().finish(lease, &report(&id, Status::Partial, &["a"])).await.unwrap();
    assert_eq!(home.open().newest_resumable().await.unwrap().unwrap().state, RunState::Partial);
}

#[tokio::test]
async fn a_source_is_collected_by_one_live_run_at_a_time() {
    let home = Home::new();
    let first = home.open().begin(new_run(1, &["a", "b"])).await.unwrap();
    let error = home.open().begin(new_run(2, &["b", "c"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("is collecting b right now"), "{error}");
    home.open().begin(new_run(3, &["c"])).await.unwrap();
    drop(first);
    home.open().begin(new_run(4, &["b"])).await.unwrap();
}

#[tokio::test]
async fn an_abandoned_run_is_not_resumed() {
    let home = Home::new();
    let store = home.open();
    let lease = store.begin(new_run(1, &["a"])).await.unwrap();
    let id = lease.run().clone();
    assert_eq!(store.abandon(&id, at(3)).await.unwrap_err().kind(), ErrorKind::Conflict);
    drop(lease);
    store.abandon(&id, at(3)).await.unwrap();
    assert!(store.newest_resumable().await.unwrap().is_none());
    assert!(store.resume(&id, Trigger::Command).await.is_err());
}

#[tokio::test]
async fn a_run_that_a_later_one_has_superseded_is_not_resumed() {
    let home = Home::new();
    let store = home.open();
    let old = store.begin(new_run(1, &["a"])).await.unwrap();
    let superseded = old.run().clone();
    drop(old);
    let newer = store.begin(new_run(2, &["a"])).await.unwrap();
    let id = newer.run().clone();
    store.finish(newer, &report(&id, Status::Completed, &["a"])).await.unwrap();
    assert!(store.newest_resumable().await.unwrap().is_none(), "the old run was superseded");
    let error = store.resume(&superseded, Trigger::Api).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains(&format!("run {id} has collected a")), "{error}");
    drop(store.begin(new_run(0, &["b"])).await.unwrap());
    assert_eq!(store.newest_resumable().await.unwrap().unwrap().sources, ["b".into()]);
    assert_eq!(store.runs(10).await.unwrap().len(), 3);
    assert_eq!(store.runs(1).await.unwrap()[0].id, id);
}

#[tokio::test]
async fn a_run_resumed_for_some_of_its_sources_is_not_at_its_end() {
    let home = Home::new();
    let store = home.open();
    let lease = store.begin(new_run(1, &["a", "b"])).await.unwrap();
    let id = lease.run().clone();
    store.finish(lease, &report(&id, Status::Completed, &["b"])).await.unwrap();
    let run = store.newest_resumable().await.unwrap().unwrap();
    assert_eq!((run.id, run.state), (id.clone(), RunState::Cancelled));

    let lease = store.resume(&id, Trigger::Command).await.unwrap();
    store.finish(lease, &report(&id, Status::Completed, &["a", "b"])).await.unwrap();
    assert!(store.newest_resumable().await.unwrap().is_none());
}

#[tokio::test]
async fn runs_are_found_by_the_beginning_of_their_id() {
    let home = Home::new();
    let store = home.open();
    let lease = store.begin(new_run(1, &["a"])).await.unwrap();
    let id = lease.run().as_str().to_owned();
    assert_eq!(store.run(&id[..12].to_lowercase()).await.unwrap().id.as_str(), id);
    for wrong in ["", "%", "ZZZ"] {
        assert_eq!(store.run(wrong).await.unwrap_err().kind(), ErrorKind::NotFound, "{wrong:?}");
    }
    let _second = store.begin(new_run(2, &["b"])).await.unwrap();
    assert!(store.run(&id[..5]).await.unwrap_err().message().contains("2 runs begin"));
}

#[tokio::test]
async fn durations_follow_the_newest_runs_slowly() {
    let store = Home::new();
    let store = (store.open(), store);
    let mean =
        |seconds| HashMap::from([("a".into(), HashMap::from([("s".into(), Duration::from_secs(seconds))]))]);
    store.0.learn(mean(10)).await.unwrap();
    store.0.learn(mean(20)).await.unwrap();
    let known = store.0.durations().await.unwrap()["a"]["s"];
    assert_eq!(known, Duration::from_secs(13));
}

#[tokio::test]
async fn a_broken_or_newer_file_is_refused_with_a_hint() {
    let home = Home::new();
    let path = home.0.path().join("state.db");
    std::fs::write(&path, "this is no database, but a text that is long enough to be looked at").unwrap();
    let error = StateStore::at(&path).runs(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    std::fs::remove_file(&path).unwrap();
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let error = StateStore::at(&path).runs(1).await.unwrap_err();
    assert!(error.message().contains("newer busta"), "{error}");
}
