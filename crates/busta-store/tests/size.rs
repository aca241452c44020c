//! How the store does with ten thousand runs and a million events.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use busta_core::report::Status;
use busta_store::{EventFilter, EventsKept, RunFilter, RunState, StateStore, StoredEvent};
use common::{Home, at, new_run, report};

const RUNS: i64 = 10_000;
const EVENTS: u64 = 1_000_000;
const BATCH: u64 = 1000;

/// As many runs, sources, workers and rare actions as a year of a busy server has.
fn event(id: u64) -> StoredEvent {
    StoredEvent {
        id,
        at: at(i64::try_from(id / 100).unwrap()),
        run: new_run(i64::try_from(id / 100).unwrap(), &[]).id,
        worker: u32::try_from(id % 16).unwrap(),
        action: if id.is_multiple_of(100_000) { "error" } else { "found" }.to_owned(),
        source: Some(format!("source-{}", id % 50).into()),
        phase: None,
        body: format!(r#"{{"id":{id},"message":"{}"}}"#, "x".repeat(200)),
    }
}

async fn fill(store: &StateStore) {
    for n in 0..RUNS {
        let sources = [format!("source-{}", n % 50), format!("source-{}", (n + 1) % 50)];
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let lease = store.begin(new_run(n, &sources)).await.unwrap();
        let report = report(&lease.run().clone(), Status::Completed, &sources);
        store.finish(lease, &report).await.unwrap();
    }
}

/// The longest of twenty times.
async fn slowest<T>(mut work: impl AsyncFnMut() -> T) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let start = Instant::now();
        work().await;
        slowest = slowest.max(start.elapsed());
    }
    slowest
}

#[tokio::test]
#[ignore = "a measurement of a minute: cargo test --test size -- --ignored --nocapture"]
async fn ten_thousand_runs_and_a_million_events() {
    let home = Home::new();
    let store = home.open();
    let start = Instant::now();
    fill(&store).await;
    println!("{RUNS} runs begun and finished: {:.0} a second", RUNS as f64 / start.elapsed().as_secs_f64());

    let start = Instant::now();
    for first in (1..=EVENTS).step_by(usize::try_from(BATCH).unwrap()) {
        store.append_events((first..first + BATCH).map(event).collect()).await.unwrap();
    }
    println!("{EVENTS} events appended: {:.0} a second", EVENTS as f64 / start.elapsed().as_secs_f64());
    let bytes = std::fs::metadata(store.path()).unwrap().len();
    println!("the file: {} MB", bytes / 1_000_000);
    drop(store);

    let start = Instant::now();
    let store = home.open();
    assert_eq!(store.newest_event_id().await.unwrap(), Some(EVENTS));
    let names = (0..50).map(|n| format!("source-{n}").into()).collect();
    assert!(store.interrupted().await.unwrap().is_empty() && store.queued().await.unwrap().is_empty());
    assert_eq!(store.last_ended(names).await.unwrap().len(), 50);
    store.schedules().await.unwrap();
    let opened = start.elapsed();
    println!("opened, with all that a server reads at its start: {opened:?}");
    assert!(opened < Duration::from_millis(200));

    let rare = vec!["error".to_owned()];
    let one = vec![new_run(5000, &[]).id];
    let (few, none) = (vec!["source-1".into(), "source-7".into()], vec![99]);
    for (what, filter) in [
        ("the newest", EventFilter::default()),
        ("from the middle", EventFilter { before: Some(EVENTS / 2), ..EventFilter::default() }),
        ("of one run", EventFilter { runs: one, ..EventFilter::default() }),
        ("of two sources", EventFilter { sources: few.clone(), ..EventFilter::default() }),
        ("that are rare", EventFilter { actions: rare.clone(), ..EventFilter::default() }),
        (
            "that are rare, of two sources",
            EventFilter { actions: rare, sources: few, ..EventFilter::default() },
        ),
        ("that there are none of", EventFilter { workers: none, ..EventFilter::default() }),
    ] {
        let filter = EventFilter { limit: 100, ..filter };
        let took = slowest(async || store.events_page(filter.clone()).await.unwrap()).await;
        println!("a page of events {what}: {took:?}");
    }
    for (what, filter) in [
        ("the newest", RunFilter::default()),
        ("of a source", RunFilter { source: Some("source-7".into()), ..RunFilter::default() }),
        ("that failed", RunFilter { state: Some(RunState::Failed), ..RunFilter::default() }),
    ] {
        let filter = RunFilter { limit: 50, ..filter };
        let took = slowest(async || store.runs_page(filter.clone()).await.unwrap()).await;
        println!("a page of runs {what}: {took:?}");
    }
    let kept = EventsKept { since: Some(at(5000)), newest: None };
    let took = slowest(async || store.prune_events(kept, 1000).await.unwrap()).await;
    println!("a thousand events forgotten: {took:?}");
    let took = slowest(async || store.prune_runs(at(9000), 100, 100).await.unwrap()).await;
    println!("a hundred runs forgotten: {took:?}");
}
