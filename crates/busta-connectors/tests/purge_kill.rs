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
use busta_core::{Chunk, Destination, Finish, Position, Records, Step, StreamFinish, StreamSpec, WriteMode};
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
    destination.finish(&Finish { run, source, streams }).await.unwrap();
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

#[tokio::test]
async fn a_killed_purge_costs_nothing() {
    let points = PURGE_FAILPOINTS.map(|point| ("sqlite", point));
    for (kind, point) in points.into_iter().chain([("ndjson", "ndjson.purge.manifest_written")]) {
        for (nth, gone) in [(1, 0), (2, 1)] {
            let folder = tempfile::tempdir().unwrap();
            fill(&*open(kind, folder.path())).await;
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["purge_as_told", "--exact"])
                .env("BUSTA_TEST_KIND", kind)
                .env("BUSTA_TEST_FOLDER", folder.path())
                .env("BUSTA_TEST_POINT", format!("{point}:{nth}"))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout);
            assert!(!child.status.success() && !said.contains("was not passed"), "{point}: {said}");
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
