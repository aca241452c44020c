//! A purge that is killed leaves a batch removed or not, and the next one removes the rest.

#![cfg(feature = "failpoints")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test, which starts itself to be killed"
)]

use std::path::Path;
use std::sync::Arc;

use busta_connectors::{destinations::sqlite::PURGE_FAILPOINTS, registry};
use busta_core::clock::{Clock, SystemClock};
use busta_core::connector::DestinationContext;
use busta_core::destination::Purge;
use busta_core::reading::FailuresQuery;
use busta_core::{
    Chunk, Destination, Error, Failure, Finish, Position, Records, Stage, Step, StreamFinish, StreamSpec,
    WriteMode,
};
use serde_json::json;

const ROWS: usize = 40;

fn open(kind: &str, folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    let keys = if kind == "ndjson" { json!({ "path": "out", "file_size": 300 }) } else { json!({}) };
    (registry::destination(kind).unwrap().build)(keys, context).unwrap()
}

async fn fill(destination: &dyn Destination) {
    let (run, source) = ("R".into(), "shop".into());
    let spec = StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("orders", vec![]) };
    destination.prepare(&run, &source, &[spec]).await.unwrap();
    for n in 0..ROWS {
        let records: Records = [format!("{{\"n\":{n}}}").as_str()].into_iter().collect();
        let chunk = Chunk {
            run: run.clone(),
            source: source.clone(),
            stream: "orders".into(),
            step: Some(Step { split: n.to_string().into(), from: Position::Start, to: Position::Done }),
            staged: Some(destination.stage(&run, &source, &"orders".into(), &records)),
            failures: vec![],
            high: None,
            found: vec![],
            starts: vec![],
        };
        destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
    }
    let streams = vec![StreamFinish { stream: "orders".into(), starts: vec![] }];
    destination.finish(&Finish::completed(run, source, streams)).await.unwrap();
}

async fn purge(destination: &dyn Destination) -> u64 {
    let older_than = SystemClock.now() + chrono::Duration::days(1);
    let mut purge = Purge { source: "shop".into(), older_than, batch: 10, after: None };
    let mut rows = 0;
    loop {
        let purged = destination.purge(&purge).await.unwrap();
        rows += purged.rows;
        match purged.next {
            Some(next) => purge.after = Some(next),
            None => return rows,
        }
    }
}

async fn rows(destination: &dyn Destination) -> u64 {
    destination.readable().tables().await.unwrap().iter().map(|table| table.rows).sum()
}

/// What the test does when it has started itself.
#[tokio::test]
async fn purge_as_told() {
    let told = |name| std::env::var(name).ok();
    if let (Some(kind), Some(folder), Some(point)) =
        (told("BUSTA_TEST_KIND"), told("BUSTA_TEST_FOLDER"), told("BUSTA_TEST_POINT"))
    {
        busta_core::failpoint::arm(&point);
        purge(&*open(&kind, Path::new(&folder))).await;
        panic!("{point} was not passed");
    }
}

/// Purges in a process that dies at the `nth` time that it passes `point`.
fn killed_while(kind: &str, point: &str, nth: u64, folder: &Path) {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["purge_as_told", "--exact"])
        .env("BUSTA_TEST_KIND", kind)
        .env("BUSTA_TEST_FOLDER", folder)
        .env("BUSTA_TEST_POINT", format!("{point}:{nth}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(!child.status.success() && !said.contains("was not passed"), "{point}: {said}");
}

#[tokio::test]
async fn a_killed_purge_costs_nothing() {
    let points = PURGE_FAILPOINTS.map(|point| ("sqlite", point));
    for (kind, point) in points.into_iter().chain([("ndjson", "ndjson.purge.manifest_written")]) {
        for (nth, gone) in [(1, 0), (2, 1)] {
            let folder = tempfile::tempdir().unwrap();
            fill(&*open(kind, folder.path())).await;
            killed_while(kind, point, nth, folder.path());
            let destination = open(kind, folder.path());
            let left = rows(&*destination).await;
            let batches = gone + u64::from(!point.ends_with("before_commit"));
            // A lake drops whole files, so a batch is what it was told or a little more.
            let batch = if kind == "sqlite" { 10..=10 } else { 10..=14 };
            let removed = ROWS as u64 - left;
            let expected = batches * batch.start()..=batches * batch.end();
            assert!(expected.contains(&removed), "{removed} rows removed after {point}:{nth}");
            assert_eq!(purge(&*destination).await, left, "after {point}:{nth}");
            assert_eq!(rows(&*destination).await, 0);
        }
    }
}

/// So many failures make the log worth writing anew, twice.
const FAILURES: usize = 100;

async fn fail(destination: &dyn Destination) {
    let (run, source, stream) = ("R".into(), "shop".into(), "orders".into());
    let failure = |n: usize| {
        let failure = Failure::item(Stage::Read, n.to_string(), &Error::data("no"), Some(b"payload"));
        failure.place(&run, &source, &stream, &"all".into(), SystemClock.now())
    };
    let chunk = Chunk {
        run: run.clone(),
        source: source.clone(),
        stream: "orders".into(),
        step: Some(Step { split: "failing".into(), from: Position::Start, to: Position::Done }),
        staged: None,
        failures: (0..FAILURES).map(failure).collect(),
        high: None,
        found: vec![],
        starts: vec![],
    };
    let spec = StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("orders", vec![]) };
    destination.prepare(&run, &source, &[spec]).await.unwrap();
    destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
}

async fn failures(destination: &dyn Destination) -> Vec<String> {
    let failures = destination.readable().failures(None, 2 * FAILURES).await.unwrap();
    assert!(failures.iter().all(|failure| failure.payload.as_deref() == Some("payload")));
    failures.into_iter().map(|failure| failure.id).collect()
}

/// The names of the logs of failures, and what they take together.
fn logs(folder: &Path) -> (Vec<String>, u64) {
    let entries = std::fs::read_dir(folder.join("out/_busta")).unwrap().map(Result::unwrap);
    let logs = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("failures"));
    let logs: Vec<_> = logs.collect();
    let bytes = logs.iter().map(|entry| entry.metadata().unwrap().len()).sum();
    let mut names: Vec<_> = logs.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    (names, bytes)
}

#[tokio::test]
async fn a_log_of_failures_that_is_written_anew_by_a_purge_that_is_killed_loses_none() {
    for point in ["ndjson.failures.written", "ndjson.failures.manifest_written"] {
        for nth in [1, 2] {
            let folder = tempfile::tempdir().unwrap();
            let all = {
                let destination = open("ndjson", folder.path());
                fail(&*destination).await;
                failures(&*destination).await
            };
            assert_eq!(all.len(), FAILURES);
            let before = logs(folder.path());
            killed_while("ndjson", point, nth, folder.path());
            let destination = open("ndjson", folder.path());
            let left = failures(&*destination).await;
            // The oldest go first, ten at a time; those that are left are the newest, in their order.
            assert!(left.len() % 10 == 0 && left.len() < FAILURES, "{} after {point}:{nth}", left.len());
            assert_eq!(left, all[FAILURES - left.len()..], "after {point}:{nth}");
            assert_eq!(purge_failures(&*destination).await, left.len() as u64, "after {point}:{nth}");
            assert_eq!(failures(&*destination).await, Vec::<String>::new());
            drop(destination);
            // Whoever opens the folder next sweeps what is left of other logs.
            fail(&*open("ndjson", folder.path())).await;
            let (names, bytes) = logs(folder.path());
            assert_eq!(names.len(), 1, "{names:?} after {point}:{nth}");
            assert!(bytes < before.1 / 2 * 3, "{bytes} of {} bytes are left", before.1);
        }
    }
}

#[tokio::test]
async fn a_log_of_failures_of_which_most_was_taken_back_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open("ndjson", folder.path());
    fail(&*destination).await;
    let all = failures(&*destination).await;
    let (_, full) = logs(folder.path());
    // Ten of them, which is not worth it.
    let older_than = SystemClock.now() + chrono::Duration::days(1);
    let mut purge = Purge { source: "shop".into(), older_than, batch: 10, after: Some("failures".into()) };
    assert_eq!(destination.purge(&purge).await.unwrap().failures, 10);
    assert!(logs(folder.path()).1 > full);
    purge.batch = 60;
    assert_eq!(destination.purge(&purge).await.unwrap().failures, 60);
    let left = failures(&*destination).await;
    assert_eq!(left, all[70..]);
    let query = FailuresQuery { limit: 20, ..FailuresQuery::default() };
    let page = destination.readable().failures_page(&query).await.unwrap();
    assert_eq!(page.failures[0].id, all[99]);
    // The log before is still there for who is reading it; the next but one settlement sweeps it.
    fail(&*destination).await;
    fail(&*destination).await;
    let (names, bytes) = logs(folder.path());
    assert_eq!(names, ["failures.1.ndjson"]);
    assert!(bytes < full / 2, "{bytes} of {full}");
    drop(destination);
    assert_eq!(failures(&*open("ndjson", folder.path())).await, left, "opened again");
}

/// Splits that failed and were read after all take their failures back.
#[tokio::test]
async fn a_finish_writes_the_log_anew_when_splits_have_taken_their_failures_back() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open("ndjson", folder.path());
    let (run, source, stream) = ("R".into(), "shop".into(), "orders".into());
    let spec = StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("orders", vec![]) };
    destination.prepare(&run, &source, &[spec]).await.unwrap();
    let chunk = |n: usize, fails: bool| {
        let split = busta_core::SplitId::from(n.to_string());
        let failure = Failure::split(Stage::Read, &Error::unavailable("503"));
        let failure = failure.place(&run, &source, &stream, &split, SystemClock.now());
        Chunk {
            run: run.clone(),
            source: source.clone(),
            stream: stream.clone(),
            step: (!fails).then_some(Step { split, from: Position::Start, to: Position::Done }),
            staged: None,
            failures: Some(failure).filter(|_| fails).into_iter().collect(),
            high: None,
            found: vec![],
            starts: vec![],
        }
    };
    let commit = async |chunks: Vec<Chunk>| {
        assert!(destination.commit(&chunks).await.unwrap().iter().all(Result::is_ok));
    };
    commit((0..FAILURES).map(|n| chunk(n, true)).collect()).await;
    commit((1..FAILURES).map(|n| chunk(n, false)).collect()).await;
    let left = failures_of(&*destination).await;
    assert_eq!(left.len(), 1);
    let (_, before) = logs(folder.path());
    let finish = |run: &str| {
        let streams = vec![StreamFinish { stream: stream.clone(), starts: vec![] }];
        Finish::completed(run.into(), source.clone(), streams)
    };
    destination.finish(&finish("R")).await.unwrap();
    destination.finish(&finish("R")).await.unwrap();
    let (names, after) = logs(folder.path());
    assert_eq!(names, ["failures.1.ndjson"]);
    assert!(after < before / FAILURES as u64, "{after} of {before}");
    assert_eq!(failures_of(&*destination).await, left);
}

async fn failures_of(destination: &dyn Destination) -> Vec<String> {
    destination.readable().failures(None, 10).await.unwrap().into_iter().map(|failure| failure.id).collect()
}

async fn purge_failures(destination: &dyn Destination) -> u64 {
    let older_than = SystemClock.now() + chrono::Duration::days(1);
    let mut purge = Purge { source: "shop".into(), older_than, batch: 10, after: None };
    let mut failures = 0;
    loop {
        let purged = destination.purge(&purge).await.unwrap();
        failures += purged.failures;
        match purged.next {
            Some(next) => purge.after = Some(next),
            None => return failures,
        }
    }
}
