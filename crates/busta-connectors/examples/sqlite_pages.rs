//! How long pages of a large table of the sqlite destination take, while somebody writes to it.
//!
//! `cargo run --release --example sqlite_pages -p busta-connectors [-- ROWS [FOLDER]]`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, not a part of the product")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::reading::{Condition, Order, RowQuery};
use busta_core::{Chunk, Cursor, Destination, Position, Records, Step, StreamSpec};

/// How often each case is measured.
const TIMES: usize = 50;
/// Between two commits of the writer.
const PAUSE: Duration = Duration::from_secs(1);
/// Records in a commit.
const COMMIT: usize = 10_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let rows: usize = args.next().map_or(1_000_000, |n| n.parse().unwrap());
    let place = tempfile::tempdir_in(args.next().unwrap_or_else(|| ".".to_owned())).unwrap();
    let destination = open(place.path());
    let spec = StreamSpec::new("orders", vec!["id".into()]);
    destination.prepare(&"R".into(), &"shop".into(), &[spec]).await.unwrap();
    for commit in 0..rows / COMMIT {
        write(&*destination, commit).await;
    }
    let writing = Arc::clone(&destination);
    let writer = tokio::spawn(async move {
        let (mut slowest, mut commit) = (Duration::ZERO, rows / COMMIT);
        loop {
            let began = Instant::now();
            write(&*writing, commit).await;
            slowest = slowest.max(began.elapsed());
            // As fast as it goes, the table would have grown manyfold by the end.
            tokio::time::sleep(PAUSE).await;
            commit += 1;
            if Arc::strong_count(&writing) == 1 {
                return (slowest, commit - rows / COMMIT);
            }
        }
    });
    println!("{:<44} {:>10} {:>10} {:>10} {:>6}", "page of 50", "median", "p99", "rows", "next");
    for (filter, order) in [
        ("", ""),
        ("status=paid", ""),
        ("name~\"Order 999\"", ""),
        ("status=none", ""),
        ("", "id"),
        ("", "price"),
        ("", "-name"),
        ("status=paid", "price"),
    ] {
        let (by, order) = (order, Order::parse(order).ok());
        let filter_of = Condition::parse_all(filter).unwrap();
        let query = RowQuery { filter: filter_of, order, ..RowQuery::of("orders", 50) };
        measure(&*destination, &format!("filter {filter:?} order {by:?}"), query).await;
    }
    let began = Instant::now();
    destination.readable().tables().await.unwrap();
    let first = began.elapsed();
    let began = Instant::now();
    destination.readable().tables().await.unwrap();
    println!("tables: {first:?}, then {:?}", began.elapsed());
    drop(destination);
    let (slowest, commits) = writer.await.unwrap();
    println!("meanwhile {commits} commits of {COMMIT}, the slowest in {slowest:?}");
}

/// Measures pages, each of which goes on where the last ended.
async fn measure(destination: &dyn Destination, name: &str, mut query: RowQuery) {
    let (mut took, mut rows, mut next) = (Vec::new(), 0, false);
    for _ in 0..TIMES {
        let began = Instant::now();
        match destination.readable().page(&query).await {
            Ok(page) => {
                (rows, next) = (page.rows.len(), page.next.is_some());
                query.after = page.next;
            }
            Err(error) => return println!("{name}: {error} after {:?}", began.elapsed()),
        }
        took.push(began.elapsed());
    }
    took.sort();
    let (median, p99) = (took[TIMES / 2], took[TIMES * 99 / 100]);
    println!("{name:<44} {median:>10.1?} {p99:>10.1?} {rows:>10} {next:>6}");
}

async fn write(destination: &dyn Destination, commit: usize) {
    let texts: Vec<String> = (commit * COMMIT..(commit + 1) * COMMIT).map(record).collect();
    let records: Records = texts.iter().map(String::as_str).collect();
    let staged = destination.stage(&"R".into(), &"shop".into(), &"orders".into(), &records);
    let at = |n: usize| match n {
        0 => Position::Start,
        n => Position::At(Cursor::encode(&n).unwrap()),
    };
    let chunk = Chunk {
        run: "R".into(),
        source: "shop".into(),
        stream: "orders".into(),
        step: Some(Step { split: "all".into(), from: at(commit), to: at(commit + 1) }),
        staged: Some(staged),
        failures: Vec::new(),
        high: None,
        found: Vec::new(),
        starts: Vec::new(),
    };
    destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
}

fn record(n: usize) -> String {
    let status = ["paid", "open", "sent", "lost"][n % 4];
    let price = (n * 7919 % 100_003) as f64 / 100.0;
    format!(
        r#"{{"id":{n},"name":"Order {n}","status":"{status}","price":{price},"note":"{}","tags":["a","b"]}}"#,
        "x".repeat(200)
    )
}

fn open(folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination("sqlite").unwrap().build)(serde_json::json!({}), context).unwrap()
}
