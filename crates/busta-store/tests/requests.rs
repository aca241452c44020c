//! Requests that are counted, and sources that are paused by themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod common;

use std::sync::Arc;

use busta_core::SourceName;
use busta_store::{FailurePause, RequestsOfStream, StateStore};
use chrono::NaiveDate;
use common::{Home, at};

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_so_many_whichever_process_sends_them() {
    let home = Home::new();
    let source: Arc<SourceName> = Arc::new("a".into());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..4 {
        // Each with connections of its own, as another process has.
        let (store, source) = (home.open(), source.clone());
        tasks.spawn(async move {
            let mut got = 0;
            loop {
                let granted = store.take_requests(&source, day(23), 3 + n, 100).await.unwrap();
                if granted == 0 {
                    return got;
                }
                got += granted;
            }
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), 100);
    let store = home.open();
    assert_eq!(store.requests_of_day(&source, day(23)).await.unwrap(), 100);
    assert_eq!(store.requests_of_day(&source, day(24)).await.unwrap(), 0);
    store.give_back_requests(&source, day(23), 5).await.unwrap();
    assert_eq!(store.take_requests(&source, day(23), 50, 100).await.unwrap(), 5);
    // A cap that was lowered meanwhile.
    assert_eq!(store.take_requests(&source, day(23), 50, 80).await.unwrap(), 0);
    assert_eq!(store.take_requests(&"b".into(), day(23), 50, 80).await.unwrap(), 50);
}

fn took(onward: bool, stream: &str, requests: u64) -> RequestsOfStream {
    RequestsOfStream { source: "a".into(), onward, stream: stream.into(), requests, splits: 2, planned: 1 }
}

#[tokio::test]
async fn the_last_run_of_each_kind_is_remembered() {
    let home = Home::new();
    let store = home.open();
    store.learn_requests(vec![took(false, "x", 10), took(false, "gone", 3)]).await.unwrap();
    store.learn_requests(vec![took(true, "x", 2)]).await.unwrap();
    store.learn_requests(vec![took(false, "x", 12)]).await.unwrap();
    store.learn_requests(Vec::new()).await.unwrap();
    let mut known = home.open().requests().await.unwrap();
    known.sort_by_key(|of| of.onward);
    assert_eq!(known, [took(false, "x", 12), took(true, "x", 2)]);
}

async fn failing(store: &StateStore) -> Option<FailurePause> {
    store.schedules().await.unwrap().remove("a").and_then(|state| state.failing)
}

#[tokio::test]
async fn a_source_that_has_paused_itself_goes_on_when_it_answers_and_no_other() {
    let home = Home::new();
    let store = home.open();
    let (a, b): (SourceName, SourceName) = ("a".into(), "b".into());
    store.set_paused(&b, true, at(1)).await.unwrap();
    store.pause_failing(&b, &"r1".into(), "gone", at(2)).await.unwrap();
    store.pause_failing(&a, &"r1".into(), "gone", at(2)).await.unwrap();
    let states = store.schedules().await.unwrap();
    assert_eq!((states["a"].paused_at, states["b"].paused_at), (Some(at(2)), Some(at(1))));
    assert_eq!(states["b"].failing, None, "somebody has paused it");
    store.note_probe(&a, at(3)).await.unwrap();
    store.note_probe(&a, at(5)).await.unwrap();
    store.note_probe(&b, at(5)).await.unwrap();
    let expected =
        FailurePause { reason: "gone".into(), run: "r1".into(), probes: 2, probed_at: Some(at(5)) };
    assert_eq!(failing(&home.open()).await, Some(expected));

    assert!(!store.resume_failing(&b, at(6)).await.unwrap());
    assert!(store.resume_failing(&a, at(6)).await.unwrap());
    let states = store.schedules().await.unwrap();
    assert!(!states["a"].is_paused() && states["b"].is_paused());
    assert_eq!(states["a"].since, at(6), "what was due meanwhile has not been missed");

    // Whoever pauses what has paused itself means it.
    store.pause_failing(&a, &"r2".into(), "again", at(7)).await.unwrap();
    store.set_paused(&a, true, at(8)).await.unwrap();
    assert_eq!(failing(&store).await, None);
    assert!(!store.resume_failing(&a, at(9)).await.unwrap());
    store.set_paused(&a, false, at(9)).await.unwrap();
    assert!(!store.schedules().await.unwrap()["a"].is_paused());
}
