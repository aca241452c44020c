//! What a change log costs a writer.
//!
//! `cargo run --release --example sqlite_history -p busta-connectors [-- RECORDS [PER_COMMIT [FOLDER]]]`
//!
//! Sellers as the shipped marketplace collects them, of 0.3 KB, 1,000 to a commit (a fast source has more): new ones, the
//! same again, and all of them changed; each into a plain table and into one with `change_log` or `snapshot`. Then 10,000
//! sellers, half of them known, are found in one commit beside all that are there. Figures are microseconds for each
//! record that the process was on a processor, all of its threads together, the best of three rounds; every commit is
//! durable.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a measurement for people")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{
    Chunk, DatasetSettings, Destination, Finish, Position, Records, Step, StreamFinish, StreamSpec,
};
use support::processor_seconds;

const ROUNDS: usize = 3;
const FOUND: usize = 10_000;
const CASES: [&str; 3] = ["inserted", "unchanged", "changed"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let records: usize = args.next().map_or(100_000, |n| n.parse().expect("a number of records"));
    let per_commit: usize = args.next().map_or(1_000, |n| n.parse().expect("a number of records"));
    let folder = args.next().unwrap_or_else(|| ".".to_owned());
    let plain = DatasetSettings::default();
    let tables = [
        ("plain", plain.clone()),
        ("change_log", DatasetSettings { change_log: true, ..plain.clone() }),
        ("snapshot", DatasetSettings { snapshot: true, ..plain }),
    ];
    println!("us of processor per record, and times as much as plain; {records} records");
    println!("{:12}{:>17}{:>17}{:>17}{:>26}", "", CASES[0], CASES[1], CASES[2], "10,000 found, ms (wall)");
    let mut base = [0.0; 3];
    for (name, dataset) in tables {
        let mut best = [f64::MAX; 3];
        let mut found = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            let place = tempfile::tempdir_in(&folder).unwrap();
            let table = Table::open(place.path(), dataset.clone());
            for (case, best) in best.iter_mut().enumerate() {
                *best = best.min(table.run(case, records, per_commit).await);
            }
            let (processor, wall) = table.find(records).await;
            found = (found.0.min(processor), found.1.min(wall));
        }
        if name == "plain" {
            base = best;
        }
        let cell = |case: usize| format!("{:.2} ({:.2}x)", best[case], best[case] / base[case]);
        let (processor, wall) = (found.0 * 1e3, found.1 * 1e3);
        println!("{name:12}{:>17}{:>17}{:>17}{processor:>17.0} ({wall:.0})", cell(0), cell(1), cell(2));
    }
}

struct Table {
    destination: Arc<dyn Destination>,
    spec: StreamSpec,
}

impl Table {
    fn open(folder: &Path, dataset: DatasetSettings) -> Self {
        let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
        let destination = (registry::destination("sqlite").unwrap().build)(serde_json::json!({}), context);
        let spec = StreamSpec { dataset, ..StreamSpec::new("sellers", vec!["seller_key".into()]) };
        Self { destination: destination.ok().unwrap(), spec }
    }

    /// All sellers in a run of their own.
    async fn run(&self, case: usize, records: usize, per_commit: usize) -> f64 {
        let version = usize::from(CASES[case] == "changed");
        let pages: Vec<Records> =
            (0..records / per_commit).map(|n| page(n * per_commit, per_commit, version)).collect();
        self.prepare(CASES[case]).await;
        let began = processor_seconds();
        for (n, page) in pages.iter().enumerate() {
            self.commit(CASES[case], n, page).await;
        }
        self.finish(CASES[case]).await;
        (processor_seconds() - began) / records as f64 * 1e6
    }

    /// Many at once, half of which are known; seconds of processor, and on the wall.
    async fn find(&self, known: usize) -> (f64, f64) {
        let found = page(known - FOUND / 2, FOUND, 1);
        self.prepare("found").await;
        let (began, wall) = (processor_seconds(), Instant::now());
        self.commit("found", 0, &found).await;
        self.finish("found").await;
        (processor_seconds() - began, wall.elapsed().as_secs_f64())
    }

    async fn prepare(&self, run: &str) {
        let streams = std::slice::from_ref(&self.spec);
        self.destination.prepare(&run.into(), &"market".into(), streams).await.unwrap();
    }

    async fn commit(&self, run: &str, split: usize, page: &Records) {
        let (run, source, stream) = (run.into(), "market".into(), "sellers".into());
        let staged = self.destination.stage(&run, &source, &stream, page);
        let split = split.to_string().as_str().into();
        let chunk = Chunk {
            run,
            source,
            stream,
            step: Some(Step { split, from: Position::Start, to: Position::Done }),
            staged: Some(staged),
            failures: vec![],
            high: None,
            found: vec![],
            starts: vec![],
        };
        self.destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
    }

    async fn finish(&self, run: &str) {
        let streams = vec![StreamFinish { stream: "sellers".into(), starts: vec![] }];
        let finish = Finish::completed(run.into(), "market".into(), streams);
        self.destination.finish(&finish).await.unwrap();
    }
}

fn page(first: usize, rows: usize, version: usize) -> Records {
    let texts: Vec<String> = (first..first + rows).map(|n| seller(n, version)).collect();
    texts.iter().map(String::as_str).collect()
}

/// Keys come in no order, as names do.
fn seller(n: usize, version: usize) -> String {
    let key = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"seller_key":"seller{key:016x}","name":"Seller_{key:x}","feedback_score":{},"feedback_percentage":99.{},"country":"US","discovered_at":"2026-11-23T10:11:12Z","product_id":"B0{n:08}","product_title":"A thing for the house, number {n}","product_category":"electronics","item_id":"v1|{n}|0","marketplace":"EBAY_US"}}"#,
        n % 10_000 + version,
        n % 10,
    )
}
