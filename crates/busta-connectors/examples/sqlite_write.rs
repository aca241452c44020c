//! How many records per second the sqlite destination takes.
//!
//! `cargo run --release --example sqlite_write -p busta-connectors [-- RECORDS [FOLDER]]`
//!
//! Records have 12 fields and about half a kilobyte. One thread stages, the destination's own thread
//! writes, as in a run; every commit is durable (WAL, `synchronous = FULL`).

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, not a part of the product")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{Chunk, Cursor, Destination, Position, Records, Step, StreamSpec, WriteMode};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let records: usize = args.next().map_or(200_000, |n| n.parse().unwrap());
    let folder = args.next().unwrap_or_else(|| ".".to_owned());
    println!("{:<36} {:>12} {:>12} {:>10}", "case", "records/s", "MB/s", "stage only");
    for (page, group) in [(1_000, 1), (100, 10), (100, 1)] {
        for case in ["append", "merge", "merge again", "merge newer"] {
            let place = tempfile::tempdir_in(&folder).unwrap();
            let bench = Bench { records, page, group };
            let name = format!("{case}, {page} x {group} per commit");
            bench.run(&name, case, place.path()).await;
        }
    }
}

struct Bench {
    records: usize,
    page: usize,
    group: usize,
}

impl Bench {
    async fn run(&self, name: &str, case: &str, folder: &Path) {
        let destination = open(folder);
        let mut spec = StreamSpec::new("orders", vec!["id".into()]);
        spec.cursor_field = Some("updated_at".into());
        if case == "append" {
            spec.write_mode = WriteMode::Append;
        }
        destination.prepare(&"R".into(), &"shop".into(), &[spec]).await.unwrap();
        let pages = self.pages(0);
        let bytes: u64 = pages.iter().map(Records::bytes).sum();

        let staging = Instant::now();
        for page in &pages {
            drop(destination.stage(&"R".into(), &"shop".into(), &"orders".into(), page));
        }
        let staging = staging.elapsed().as_secs_f64();

        let mut took = self.write(&destination, pages, 0).await;
        if case == "merge again" {
            took = self.write(&destination, self.pages(0), 1).await;
        } else if case == "merge newer" {
            took = self.write(&destination, self.pages(1), 1).await;
        }
        let rate = self.records as f64 / took;
        let mb = bytes as f64 / took / 1e6;
        println!("{name:<36} {rate:>12.0} {mb:>12.1} {:>10.0}", self.records as f64 / staging);
    }

    fn pages(&self, version: usize) -> Vec<Records> {
        (0..self.records / self.page)
            .map(|page| {
                let texts: Vec<String> =
                    (0..self.page).map(|n| record(page * self.page + n, version)).collect();
                texts.iter().map(String::as_str).collect()
            })
            .collect()
    }

    /// Stages on one thread while the destination writes on its own.
    async fn write(&self, destination: &Arc<dyn Destination>, pages: Vec<Records>, pass: usize) -> f64 {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
        let start = Instant::now();
        let stager = destination.clone();
        let staging = tokio::task::spawn_blocking(move || {
            for (n, page) in pages.iter().enumerate() {
                let staged = stager.stage(&"R".into(), &"shop".into(), &"orders".into(), page);
                let at = |n: usize| match n {
                    0 => Position::Start,
                    n => Position::At(Cursor::encode(&n).unwrap()),
                };
                let split = format!("split {pass}").as_str().into();
                let chunk = Chunk {
                    run: "R".into(),
                    source: "shop".into(),
                    stream: "orders".into(),
                    step: Some(Step { split, from: at(n), to: at(n + 1) }),
                    staged: Some(staged),
                    failures: vec![],
                    high: None,
                    found: vec![],
                    starts: vec![],
                };
                sender.blocking_send(chunk).unwrap();
            }
        });
        let mut group = Vec::new();
        while receiver.recv_many(&mut group, self.group).await > 0 {
            for outcome in destination.commit(&group).await.unwrap() {
                outcome.unwrap();
            }
            group.clear();
        }
        staging.await.unwrap();
        start.elapsed().as_secs_f64()
    }
}

fn open(folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination("sqlite").unwrap().build)(serde_json::json!({}), context).ok().unwrap()
}

fn record(n: usize, version: usize) -> String {
    let text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. ";
    format!(
        r#"{{"id":{n},"number":"ORD-{n:08}","customer":{},"email":"customer{}@shop.example","status":"{}","total":{}.25,"currency":"EUR","paid":{},"created_at":"2024-01-{:02}T10:11:12Z","updated_at":"2024-02-{:02}T10:{:02}:12Z","note":"{}","lines":[{{"sku":"A-{}","quantity":2}},{{"sku":"B-{}","quantity":1}}]}}"#,
        n % 5_000,
        n % 5_000,
        ["new", "packed", "sent"][n % 3],
        n % 1_000,
        n.is_multiple_of(2),
        n % 28 + 1,
        n % 28 + 1,
        version,
        &text.repeat(2)[..150],
        n % 100,
        n % 77,
    )
}
