//! Killed at any moment, rows and their view are of one commit.

use std::path::Path;

use busta_connectors::destinations::sqlite::VIEW_FAILPOINTS;
use busta_core::WriteMode;
use busta_core::clock::Clock;
use serde_json::{Value, json};

use crate::oracle::Oracle;
use crate::support::{Desk, TABLE, spec, view};

fn records(desk: &Desk, batch: i64) -> Vec<Value> {
    let at = desk.clock.now().timestamp();
    // Each batch changes some rows of the one before.
    let record = |n: i64| {
        json!({ "id": batch * 5 + n, "at": at - n * 900, "group": (["a", "c"][(n % 2) as usize]),
                "title": (["alpha beta", "beta gamma"][(batch % 2) as usize]), "score": batch * 10 + n,
                "s_compound": -0.5, "s_label": "negative" })
    };
    (0..10).map(record).collect()
}

async fn work(folder: &Path, what: &str) {
    let wanted = spec(WriteMode::Merge, if what == "build" { None } else { Some(view()) });
    let mut desk = Desk::new(folder, &wanted).await;
    for batch in 0..4 {
        let records = records(&desk, batch);
        desk.write(&records).await;
    }
    match what {
        "build" => desk.restart(folder, &spec(WriteMode::Merge, Some(view()))).await,
        _ => {
            desk.clock.pass(1);
            let now = desk.clock.now();
            desk.purge(now).await;
        }
    }
}

/// What the test does when it has started itself.
#[tokio::test]
async fn work_as_told() {
    let told = |name| std::env::var(name).ok();
    if let (Some(folder), Some(what), Some(point)) =
        (told("BUSTA_TEST_FOLDER"), told("BUSTA_TEST_WHAT"), told("BUSTA_TEST_POINT"))
    {
        busta_core::failpoint::arm(&point);
        work(Path::new(&folder), &what).await;
        panic!("{point} was not passed");
    }
}

fn killed_at(point: &str, what: &str, folder: &Path) {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["killed::work_as_told", "--exact"])
        .env("BUSTA_TEST_FOLDER", folder)
        .env("BUSTA_TEST_WHAT", what)
        .env("BUSTA_TEST_POINT", point)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(!child.status.success() && !said.contains("was not passed"), "{point}: {said}");
}

/// The oracle of the rows that are there.
async fn of_rows(desk: &Desk) -> Oracle {
    let mut oracle = Oracle::default();
    let mut scan = desk.destination.readable().scan(TABLE).await.unwrap();
    while let Some(page) = scan.next().await.unwrap() {
        for row in page.iter() {
            oracle.merge(&serde_json::from_slice(row).unwrap(), desk.clock.now());
        }
    }
    oracle
}

#[tokio::test]
async fn rows_and_view_are_of_one_commit() {
    let points = [
        ("sqlite.commit.begin:3", "write"),
        ("sqlite.commit.rows_written:3", "write"),
        ("sqlite.commit.before_commit:3", "write"),
        ("sqlite.commit.after_commit:3", "write"),
        ("sqlite.purge.before_commit:2", "write"),
        ("sqlite.purge.after_commit:2", "write"),
    ];
    let built = VIEW_FAILPOINTS.map(|point| (format!("{point}:1"), "build"));
    let points = points.map(|(point, what)| (point.to_owned(), what)).into_iter().chain(built);
    for (point, what) in points {
        let folder = tempfile::tempdir().unwrap();
        killed_at(&point, what, folder.path());
        let mut desk = Desk::new(folder.path(), &spec(WriteMode::Merge, Some(view()))).await;
        desk.oracle = of_rows(&desk).await;
        assert!(!desk.oracle.rows.is_empty());
        desk.check_counts().await;
    }
}
