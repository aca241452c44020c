//! Killed at every failpoint: rows and log are of one piece, and the same again completes them.

#![allow(clippy::disallowed_methods, reason = "tests that start themselves to be killed")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use busta_connectors::destinations::sqlite::{EDIT_FAILPOINTS, FAILPOINTS, PURGE_FAILPOINTS};
use busta_core::reading::history::{EditWork, PartQuery, Place};
use busta_core::{ErrorKind, WriteMode};
use serde_json::{Value, json};

use super::desk::{Desk, HandClock, TABLE, key, spec, text};

fn rows(from: u32, to: u32, v: u32) -> Vec<Value> {
    (from..to).map(|n| json!({ "id": n, "v": v })).collect()
}

/// What is there before the one that is killed.
async fn before(folder: &Path, mode: WriteMode) -> Arc<HandClock> {
    let desk = Desk::open(folder);
    desk.collect("R1", "ebay", &spec(mode), &[rows(0, 10, 1)]).await;
    desk.edit(None, EditWork::Remove(vec![key(3)])).await.unwrap();
    desk.clock.forward(100);
    desk.clock.clone()
}

/// The work, from whatever a kill has left of it.
async fn work(desk: &Desk, mode: WriteMode) {
    let spec = spec(mode);
    let checkpoint =
        desk.destination.prepare(&"R2".into(), &"ebay".into(), std::slice::from_ref(&spec)).await.unwrap();
    if !checkpoint.finished.contains(TABLE) {
        for (n, batch) in [rows(0, 8, 2), rows(8, 14, 2)].iter().enumerate() {
            desk.commit("R2", "ebay", n, batch).await.unwrap();
        }
    }
    desk.finish("R2", "ebay").await;
    match desk.edit(Some("ebay"), EditWork::Insert(vec![text(&json!({ "id": 50, "v": 9 }))])).await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        done => drop(done.unwrap()),
    }
    desk.purge("ebay", HandClock::at(50)).await;
}

/// Rows and log agree, at every place.
async fn check(desk: &Desk, point: &str) {
    let now = desk.difference(Place::Now, Place::Now).await.unwrap().to;
    assert_eq!(desk.rows_at(Place::Now).await.unwrap(), desk.rows().await, "{point}");
    assert_eq!(now.count, desk.rows().await.len() as u64, "{point}");
    for change in desk.changes(0).await {
        match desk.rows_at(Place::Seq(change.seq)).await {
            Ok(set) => assert_eq!(set.len() as u64, change.count, "{point}, seq {}", change.seq),
            Err(error) => assert!(error.message().contains("not known before"), "{point}: {error}"),
        }
    }
}

#[tokio::test]
async fn work_as_told() {
    let told = |name| std::env::var(name).ok();
    if let (Some(folder), Some(point), Some(mode)) =
        (told("BUSTA_TEST_FOLDER"), told("BUSTA_TEST_POINT"), told("BUSTA_TEST_MODE"))
    {
        let mode = serde_json::from_value(mode.into()).unwrap();
        let clock = Arc::new(HandClock::default());
        clock.forward(100);
        busta_core::failpoint::arm(&point);
        work(&Desk::open_with(Path::new(&folder), clock), mode).await;
        panic!("{point} was not passed");
    }
}

#[tokio::test]
async fn whoever_is_killed_leaves_rows_and_log_of_one_piece() {
    let points = FAILPOINTS.iter().chain(&EDIT_FAILPOINTS).chain(&PURGE_FAILPOINTS);
    for point in points {
        one(&format!("{point}:1"), "merge").await;
        if point.contains("finish") {
            one(&format!("{point}:1"), "replace").await;
        }
        if point.starts_with("sqlite.commit") {
            one(&format!("{point}:2"), "merge").await;
        }
    }
}

async fn one(point: &str, mode: &str) {
    let folder = tempfile::tempdir().unwrap();
    let write_mode: WriteMode = serde_json::from_value(mode.into()).unwrap();
    let clock = before(folder.path(), write_mode).await;
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["kills::work_as_told", "--exact"])
        .env("BUSTA_TEST_FOLDER", folder.path())
        .env("BUSTA_TEST_POINT", point)
        .env("BUSTA_TEST_MODE", mode)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let purged_nothing = point.contains("purge") && said.contains("was not passed");
    assert!(
        !child.status.success() && (!said.contains("was not passed") || purged_nothing),
        "{point} {mode}: {said}"
    );
    let desk = Desk::open_with(folder.path(), clock);
    check(&desk, point).await;
    work(&desk, write_mode).await;
    check(&desk, point).await;
    let all = desk.rows().await;
    // 14 of the run, without the one removed by hand, and one added by hand.
    assert_eq!(all.len(), 14 - 1 + 1, "{point} {mode}");
    assert!(all.values().all(|row| row["v"] == json!(2) || row["id"] == 50), "{point} {mode}");
    let marks = desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items;
    let told: Vec<_> = marks.iter().map(|mark| (mark.run.as_str(), mark.count)).collect();
    assert_eq!(told, [("R2", 13), ("R1", 10)], "{point} {mode}");
}
