//! What a server keeps: events, schedules, tokens; what it forgets; and the files of older versions.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use busta_core::ErrorKind;
use busta_core::report::Status;
use busta_store::{
    EventFilter, EventsKept, RunFilter, RunState, StateStore, StoredEvent, TokenRole, Trigger,
};
use chrono::TimeDelta;
use common::{Home, at, new_run, report};

/// Event `id` of one of three runs, four workers, five sources (and none), and two actions.
fn event(id: u64) -> StoredEvent {
    StoredEvent {
        id,
        at: at(i64::try_from(id).unwrap()) + TimeDelta::microseconds(7),
        run: format!("R{}", id % 3).into(),
        worker: u32::try_from(id % 4).unwrap(),
        action: if id.is_multiple_of(7) { "error" } else { "found" }.to_owned(),
        source: (!id.is_multiple_of(6)).then(|| format!("s{}", id % 6).into()),
        phase: (!id.is_multiple_of(5)).then(|| format!("p{}", id % 5)),
        body: format!(r#"{{"id":{id}}}"#),
    }
}

async fn with_events(home: &Home, count: u64) -> StateStore {
    let store = home.open();
    store.append_events((1..=count).map(event).collect()).await.unwrap();
    store
}

#[tokio::test]
async fn events_are_paged_newest_first_by_every_filter() {
    let home = Home::new();
    let store = with_events(&home, 300).await;
    store.append_events(vec![event(300), event(301)]).await.unwrap();
    assert_eq!(store.newest_event_id().await.unwrap(), Some(301));
    let filters = [
        EventFilter::default(),
        EventFilter { runs: vec!["R1".into()], ..EventFilter::default() },
        EventFilter { runs: vec!["R2".into(), "R0".into(), "none".into()], ..EventFilter::default() },
        EventFilter {
            sources: vec!["s5".into(), "s1".into()],
            workers: vec![1, 3],
            ..EventFilter::default()
        },
        EventFilter { actions: vec!["error".to_owned()], after: Some(40), ..EventFilter::default() },
        EventFilter { actions: vec!["found".to_owned()], runs: vec!["R1".into()], ..EventFilter::default() },
        EventFilter { workers: vec![2], before: Some(200), ..EventFilter::default() },
        EventFilter {
            phases: vec!["p1".to_owned(), "p4".to_owned()],
            workers: vec![1],
            ..EventFilter::default()
        },
        EventFilter {
            runs: (0..40).map(|n| format!("R{n}").into()).collect(),
            sources: vec!["s2".into()],
            ..EventFilter::default()
        },
    ];
    for filter in filters {
        let wanted: Vec<StoredEvent> = (1..=301).rev().map(event).filter(|e| passes(e, &filter)).collect();
        let mut got = Vec::new();
        let mut part = EventFilter { limit: 17, ..filter.clone() };
        loop {
            let page = store.events_page(part.clone()).await.unwrap();
            assert!(page.events.len() <= 17);
            got.extend(page.events);
            part.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(got, wanted, "{filter:?}");
    }
}

fn passes(event: &StoredEvent, filter: &EventFilter) -> bool {
    (filter.runs.is_empty() || filter.runs.contains(&event.run))
        && (filter.sources.is_empty() || event.source.as_ref().is_some_and(|s| filter.sources.contains(s)))
        && (filter.workers.is_empty() || filter.workers.contains(&event.worker))
        && (filter.actions.is_empty() || filter.actions.contains(&event.action))
        && (filter.phases.is_empty() || event.phase.as_ref().is_some_and(|p| filter.phases.contains(p)))
        && filter.before.is_none_or(|id| event.id < id)
        && filter.after.is_none_or(|id| event.id > id)
}

#[tokio::test]
async fn a_search_for_the_rare_is_answered_in_parts() {
    let home = Home::new();
    let store = home.open();
    let mut events: Vec<StoredEvent> =
        (1..=20_010).map(|id| StoredEvent { worker: 1, ..event(id) }).collect();
    events[3].worker = 9;
    store.append_events(events).await.unwrap();
    let filter = EventFilter { workers: vec![9], limit: 10, ..EventFilter::default() };
    let page = store.events_page(filter.clone()).await.unwrap();
    assert_eq!((page.events.len(), page.next), (0, Some(11)));
    let page = store.events_page(EventFilter { before: page.next, ..filter }).await.unwrap();
    assert_eq!((page.events[0].id, page.next), (4, None));
}

#[tokio::test]
async fn a_reader_waits_for_no_writer() {
    let home = Home::new();
    let store = with_events(&home, 3).await;
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM event").unwrap();
    assert_eq!(store.newest_event_id().await.unwrap(), Some(3));
    assert!(store.runs(1).await.unwrap().is_empty());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.newest_event_id().await.unwrap(), None);
}

#[tokio::test]
async fn events_are_forgotten_in_batches_by_age_and_number() {
    let home = Home::new();
    let store = with_events(&home, 100).await;
    let old = EventsKept { since: Some(at(31)), newest: None };
    assert_eq!(store.prune_events(old, 20).await.unwrap(), 20);
    assert_eq!(store.prune_events(old, 20).await.unwrap(), 10);
    assert_eq!(store.prune_events(old, 20).await.unwrap(), 0);
    let many = EventsKept { since: None, newest: Some(60) };
    assert_eq!(store.prune_events(many, 1000).await.unwrap(), 10);
    let left = store.events_page(EventFilter { limit: 1000, ..EventFilter::default() }).await.unwrap().events;
    assert_eq!((left.len(), left[0].id, left[59].id), (60, 100, 41));
    assert_eq!(store.prune_events(EventsKept::default(), 1000).await.unwrap(), 0);
}

#[tokio::test]
async fn old_runs_are_forgotten_except_those_somebody_needs() {
    let home = Home::new();
    let store = home.open();
    let waiting = new_run(0, &["z"]);
    store.queue(waiting.clone(), None).await.unwrap();
    // Superseded; done; superseded by the next; unfinished; done; live.
    let ends = [Status::Failed, Status::Completed, Status::Partial, Status::Partial, Status::Completed];
    for (n, (status, source)) in (1..).zip(ends.into_iter().zip(["a", "a", "b", "b", "c"])) {
        let lease = store.begin(new_run(n, &[source])).await.unwrap();
        let report = report(&lease.run().clone(), status, &[source]);
        store.finish(lease, &report).await.unwrap();
    }
    let _live = store.begin(new_run(6, &["d"])).await.unwrap();
    let later = at(1000);
    assert_eq!(store.prune_runs(at(1), 0, 100).await.unwrap(), 0, "all are newer");
    assert_eq!(store.prune_runs(later, 7, 100).await.unwrap(), 0, "so many are kept in any case");
    assert_eq!(store.prune_runs(later, 5, 1).await.unwrap(), 1);
    assert_eq!(store.prune_runs(later, 0, 2).await.unwrap(), 2);
    assert_eq!(store.prune_runs(later, 0, 100).await.unwrap(), 1);
    let left = store.runs(100).await.unwrap();
    let states: Vec<RunState> = left.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Running, RunState::Partial, RunState::Queued]);
    let of_a = RunFilter { source: Some("a".into()), limit: 9, ..RunFilter::default() };
    assert!(store.runs_page(of_a).await.unwrap().is_empty());
    assert!(store.newest_resumable().await.unwrap().is_some());
}

#[tokio::test]
async fn schedules_are_remembered() {
    let home = Home::new();
    let store = home.open();
    store.note_seen(vec!["a".into(), "b".into()], at(1)).await.unwrap();
    store.note_seen(vec!["a".into()], at(2)).await.unwrap();
    store.note_due(&"a".into(), at(3)).await.unwrap();
    store.set_paused(&"a".into(), true, at(4)).await.unwrap();
    store.set_paused(&"a".into(), true, at(5)).await.unwrap();
    store.set_paused(&"c".into(), true, at(6)).await.unwrap();
    store.set_paused(&"c".into(), false, at(7)).await.unwrap();
    let known = home.open().schedules().await.unwrap();
    let a = &known["a"];
    assert_eq!((a.since, a.last_due_at, a.paused_at), (at(1), Some(at(3)), Some(at(4))));
    assert_eq!((known["b"].since, known["c"].since), (at(1), at(7)), "resumed last");
    assert!(a.is_paused() && !known["b"].is_paused() && !known["c"].is_paused());
}

#[tokio::test]
async fn tokens_are_valid_until_they_are_revoked() {
    let home = Home::new();
    let store = home.open();
    store.create_token("ci", TokenRole::Operate, [7; 32], at(1)).await.unwrap();
    let taken = store.create_token("ci", TokenRole::Read, [8; 32], at(2)).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    assert_eq!(store.tokens().await.unwrap()[0].hash, [7; 32]);
    store.revoke_token("ci", at(3)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap()[0].revoked, Some(at(3)));
    assert_eq!(store.revoke_token("ci", at(4)).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(store.revoke_token("no", at(4)).await.unwrap_err().kind(), ErrorKind::NotFound);
    store.create_token("ci", TokenRole::Read, [9; 32], at(5)).await.unwrap();
    let token = &store.tokens().await.unwrap()[0];
    assert_eq!((token.role, token.hash, token.revoked), (TokenRole::Read, [9; 32], None));
}

#[tokio::test]
async fn a_file_of_version_1_goes_on() {
    let home = Home::new();
    let path = home.0.path().join(".busta/state.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../src/schema/v1.sql")).unwrap();
    let done = new_run(1, &["a", "b"]).id;
    let text = serde_json::to_string(&report(&done, Status::Completed, &["a", "b"])).unwrap();
    for (id, state, report) in [(&done, "completed", Some(text)), (&new_run(2, &[]).id, "running", None)] {
        old.execute(
            "INSERT INTO run VALUES (?1, '2023-11-14T22:13:21+00:00', NULL, ?2, 4711, 1, 5, '[\"a\",\"b\"]', ?3)",
            rusqlite::params![id.as_str(), state, report],
        )
        .unwrap();
    }
    old.execute("INSERT INTO split_duration VALUES ('a', 's', 2.5)", []).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);

    let store = home.open();
    let runs = store.runs(9).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!((runs[0].state, runs[0].report.is_none()), (RunState::Interrupted, true));
    let run = &runs[1];
    assert_eq!((run.state, run.trigger, run.pid), (RunState::Completed, Trigger::Command, Some(4711)));
    assert_eq!((run.totals.records, run.totals.splits, run.totals.duration_s), (1, 2, 9.0));
    assert_eq!(run.report.as_ref().unwrap().failures, 5);
    assert_eq!((run.limit, run.full_refresh, run.started), (Some(5), true, at(1)));
    let of_b = RunFilter { source: Some("b".into()), limit: 9, ..RunFilter::default() };
    assert_eq!(store.runs_page(of_b).await.unwrap().len(), 2);
    assert_eq!(store.durations().await.unwrap()["a"]["s"].as_millis(), 2500);
    store.resume(&runs[0].id, Trigger::Resume).await.unwrap();
}
