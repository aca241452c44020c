//! A lake whose folder is not what it should be: a clear error, nothing half written, and on it
//! goes once the trouble is over.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{
    Committed, Destination, ErrorKind, Finish, Position, Result, StreamFinish, StreamSpec, WriteMode,
};
use busta_testkit::landing::Landing;
use serde_json::{Value, json};

macro_rules! of_each_kind {
    ($($test:ident)*) => {
        mod ndjson {
            $(#[tokio::test] async fn $test() { super::$test("ndjson").await })*
        }

        #[cfg(feature = "parquet")]
        mod parquet {
            $(#[tokio::test] async fn $test() { super::$test("parquet").await })*
        }
    };
}

of_each_kind! {
    two_writers_do_not_meet_but_anyone_may_read
    asking_writes_nothing
    a_take_over_that_cannot_be_written_takes_nothing
    names_do_not_leave_the_folder
    a_folder_that_vanishes_is_said_so_and_may_come_back
    a_commit_that_cannot_be_written_leaves_nothing
    a_path_that_is_a_file_is_a_mistake_in_the_configuration
    a_segment_that_lost_rows_is_corrupt
    a_run_that_only_asks_writes_nothing
}

fn open(kind: &str, folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination(kind).unwrap().build)(json!({"path": "lake"}), context).unwrap()
}

async fn prepare(destination: &dyn Destination) -> Result<()> {
    let streams = [
        StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("../orders", vec![]) },
        StreamSpec::new("merged", vec!["id".into()]),
    ];
    destination.prepare(&"R1".into(), &"shop".into(), &streams).await.map(drop)
}

async fn write(destination: &dyn Destination, stream: &str, split: &str, record: &str) -> Result<Committed> {
    Landing::new("R1", "shop", stream, split).write(destination, [record]).await
}

async fn rows(destination: &dyn Destination, table: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut scan = destination.readable().scan(table).await.unwrap();
    while let Some(page) = scan.next().await.unwrap() {
        rows.extend(page.iter().map(|text| serde_json::from_slice::<Value>(text).unwrap()));
    }
    rows
}

async fn two_writers_do_not_meet_but_anyone_may_read(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let first = open(kind, folder.path());
    prepare(&*first).await.unwrap();
    write(&*first, "../orders", "s", r#"{"n":1}"#).await.unwrap();
    let second = open(kind, folder.path());
    let error = prepare(&*second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("in use by another busta"), "{error}");
    assert_eq!(rows(&*second, "../orders").await.len(), 1);
    write(&*first, "../orders", "t", r#"{"n":2}"#).await.unwrap();
    assert_eq!(rows(&*second, "../orders").await.len(), 2);
    drop(first);
    prepare(&*second).await.unwrap();
}

async fn asking_writes_nothing(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s", r#"{"id":1}"#).await.unwrap();
    drop(destination);
    let manifest = folder.path().join("lake/_busta/manifest.ndjson");
    let before = fs::read(&manifest).unwrap();
    for run in ["R2", "R1"] {
        let streams = [StreamSpec::new("another", vec!["id".into()])];
        let checkpoint =
            open(kind, folder.path()).prepare(&run.into(), &"shop".into(), &streams).await.unwrap();
        assert_eq!(checkpoint.splits.len(), usize::from(run == "R1"));
        assert_eq!(fs::read(&manifest).unwrap(), before, "{run}");
    }
}

/// Taking over stands in the line of the first commit; when that fails, nothing was taken.
async fn a_take_over_that_cannot_be_written_takes_nothing(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap();
    let again = |run: &'static str| {
        let streams = [StreamSpec::new("merged", vec!["id".into()])];
        let destination = &destination;
        async move { destination.prepare(&run.into(), &"shop".into(), &streams).await.unwrap() }
    };
    again("R2").await;
    let streams = vec![StreamFinish { stream: "merged".into(), starts: vec![] }];
    let finish = Finish::completed("R2".into(), "shop".into(), streams);
    let landing = Landing::new("R2", "shop", "merged", "s1");
    let record = [r#"{"id":1,"v":2}"#];
    // The next file cannot be made: its name is taken by a folder. With ndjson that is the segment of the
    // new run, with Parquet the complete file of the old one.
    let blocked = folder.path().join(format!("lake/_busta/staging/1.{kind}"));
    fs::create_dir(&blocked).unwrap();
    landing.write(&*destination, record).await.unwrap_err();
    fs::remove_dir(&blocked).unwrap();
    assert_eq!(again("R1").await.position(&"s1".into()), Position::Done);
    assert_eq!(rows(&*destination, "merged").await.len(), 1);

    let outcome = landing.write(&*destination, record).await.unwrap();
    assert_eq!((outcome.updated, outcome.already), (1, false));
    destination.finish(&finish).await.unwrap();
    assert!(again("R1").await.splits.is_empty());
    assert_eq!(rows(&*destination, "merged").await[0]["v"], 2);
}

async fn names_do_not_leave_the_folder(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "../orders", "s", r#"{"n":1}"#).await.unwrap();
    drop(destination);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["lake"]);
}

async fn a_folder_that_vanishes_is_said_so_and_may_come_back(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (lake, away) = (folder.path().join("lake"), folder.path().join("away"));
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap();
    fs::rename(&lake, &away).unwrap();
    for _ in 0..2 {
        let error = write(&*destination, "merged", "s2", r#"{"id":2}"#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("removed"), "{error}");
        assert!(!lake.exists());
    }
    fs::rename(&away, &lake).unwrap();
    assert!(!write(&*destination, "merged", "s2", r#"{"id":2}"#).await.unwrap().already);
    assert!(write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap().already);
    assert_eq!(rows(&*destination, "merged").await.len(), 2);
}

async fn a_commit_that_cannot_be_written_leaves_nothing(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap();
    // The next segment of the other stream cannot be made: its name is taken by a folder.
    let staging = folder.path().join("lake/_busta/staging");
    fs::create_dir(staging.join("1.ndjson")).unwrap();
    let before = fs::read(staging.join("0.ndjson")).unwrap();
    let error = write(&*destination, "../orders", "s2", r#"{"n":1}"#).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    fs::remove_dir(staging.join("1.ndjson")).unwrap();
    assert_eq!(fs::read(staging.join("0.ndjson")).unwrap(), before);
    assert!(!write(&*destination, "../orders", "s2", r#"{"n":1}"#).await.unwrap().already);
    assert_eq!(rows(&*destination, "../orders").await.len(), 1);
    drop(destination);
    let again = open(kind, folder.path());
    assert_eq!(rows(&*again, "merged").await.len(), 1);
    assert_eq!(rows(&*again, "../orders").await.len(), 1);
}

async fn a_path_that_is_a_file_is_a_mistake_in_the_configuration(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lake"), "x").unwrap();
    let error = prepare(&*open(kind, folder.path())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

async fn a_segment_that_lost_rows_is_corrupt(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap();
    drop(destination);
    fs::write(folder.path().join("lake/_busta/staging/0.ndjson"), "").unwrap();
    let error = prepare(&*open(kind, folder.path())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("shorter"), "{error}");
}

async fn a_run_that_only_asks_writes_nothing(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(kind, folder.path());
    prepare(&*destination).await.unwrap();
    write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap();
    let manifest = folder.path().join("lake/_busta/manifest.ndjson");
    let before = fs::read(&manifest).unwrap();
    let streams = [StreamSpec::new("merged", vec!["id".into()])];
    let checkpoint = destination.prepare(&"R2".into(), &"shop".into(), &streams).await.unwrap();
    assert!(checkpoint.splits.is_empty());
    assert_eq!(fs::read(&manifest).unwrap(), before);
    // The first run has lost nothing, and may go on until the other one writes.
    prepare(&*destination).await.unwrap();
    assert!(write(&*destination, "merged", "s1", r#"{"id":1}"#).await.unwrap().already);
}
