//! Measures the destinations `ndjson` and `parquet` alone: records of about 0.5 KB, staged on one task and committed
//! on another, as the engine does, in commits of 4,000 records.
//!
//! `cargo run --release --example lake_write -p busta-connectors [FOLDER] [RECORDS]`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a measurement for people")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{
    Chunk, Cursor, Destination, Finish, Position, Records, RecordsBuilder, Step, StreamFinish, StreamSpec,
};
use serde_json::{Value, json};
use support::peak_kib;

const PAGE: usize = 100;
const PAGES_PER_COMMIT: usize = 40;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "target/lake_write".to_owned());
    let records: usize = args.next().map_or(1_000_000, |n| n.parse().expect("a number of records"));
    let _ = std::fs::remove_dir_all(&folder);
    let (lines, zstd) = (json!({"type": "ndjson"}), json!({"type": "ndjson", "compression": "zstd"}));
    let parquet = json!({"type": "parquet"});
    for (name, keyed, keys) in [
        ("append", false, &lines),
        ("append zstd", false, &zstd),
        ("append parquet", false, &parquet),
        ("merge", true, &lines),
        ("merge zstd", true, &zstd),
        ("merge parquet", true, &parquet),
    ] {
        measure(&Path::new(&folder).join(name.replace(' ', "_")), name, keyed, keys.clone(), records).await;
    }
    println!("peak memory {} MB", peak_kib() / 1024);
}

async fn measure(folder: &Path, name: &str, keyed: bool, keys: Value, count: usize) {
    let destination = open(folder, keys);
    let key = if keyed { vec!["id".to_owned()] } else { vec![] };
    let (run, source, stream) = ("R1".into(), "shop".into(), "orders".into());
    let spec = StreamSpec::new("orders", key);
    destination.prepare(&run, &source, std::slice::from_ref(&spec)).await.unwrap();
    let pages: Vec<Records> = (0..64).map(page).collect();
    let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<Chunk>>(2);
    let begin = Instant::now();
    let staging = {
        let (destination, run, source, stream) =
            (Arc::clone(&destination), Clone::clone(&run), Clone::clone(&source), Clone::clone(&stream));
        tokio::task::spawn_blocking(move || {
            let mut busy = std::time::Duration::ZERO;
            for commit in 0..count / (PAGE * PAGES_PER_COMMIT) {
                let start = Instant::now();
                let chunks = (0..PAGES_PER_COMMIT)
                    .map(|at| {
                        let n = commit * PAGES_PER_COMMIT + at;
                        let fresh;
                        // Keys must differ; for append any page will do.
                        let records = if keyed {
                            fresh = page(n);
                            &fresh
                        } else {
                            &pages[n % pages.len()]
                        };
                        Chunk {
                            staged: Some(destination.stage(&run, &source, &stream, records)),
                            step: Some(Step { split: "s".into(), from: position(n), to: position(n + 1) }),
                            run: Clone::clone(&run),
                            source: Clone::clone(&source),
                            stream: Clone::clone(&stream),
                            failures: vec![],
                            high: None,
                            found: vec![],
                            starts: vec![],
                        }
                    })
                    .collect();
                busy += start.elapsed();
                if send.blocking_send(chunks).is_err() {
                    break;
                }
            }
            busy
        })
    };
    let mut committing = std::time::Duration::ZERO;
    while let Some(chunks) = receive.recv().await {
        let start = Instant::now();
        for outcome in destination.commit(&chunks).await.unwrap() {
            outcome.unwrap();
        }
        committing += start.elapsed();
    }
    let busy = staging.await.unwrap();
    let written = begin.elapsed();
    let streams = vec![StreamFinish { stream, starts: vec![] }];
    let finishing = Instant::now();
    destination.finish(&Finish::completed(run, source, streams)).await.unwrap();
    let finishing = finishing.elapsed();
    let rate = |time: std::time::Duration| count as f64 / time.as_secs_f64();
    println!(
        "{name:14} {count} records: {:9.0}/s with finish, {:9.0}/s without (staging {:.2} s, committing {:.2} s, finish {:.2} s)",
        rate(written + finishing),
        rate(written),
        busy.as_secs_f64(),
        committing.as_secs_f64(),
        finishing.as_secs_f64(),
    );
}

fn open(folder: &Path, mut keys: Value) -> Arc<dyn Destination> {
    let base_dir = std::env::current_dir().unwrap();
    let context = DestinationContext { base_dir, clock: Arc::new(SystemClock) };
    let kind = keys.as_object_mut().and_then(|keys| keys.remove("type")).unwrap();
    keys["path"] = json!(folder);
    (registry::destination(kind.as_str().unwrap()).unwrap().build)(keys, context).unwrap()
}

fn position(n: usize) -> Position {
    if n == 0 { Position::Start } else { Position::At(Cursor::encode(&n).unwrap()) }
}

fn page(n: usize) -> Records {
    let mut builder = RecordsBuilder::default();
    for at in 0..PAGE {
        let id = n * PAGE + at;
        let record = format!(
            concat!(
                r#"{{"id":{},"name":"Customer number {}","email":"customer{}@shop.example","total":{}.5,"paid":true,"#,
                r#""items":[{{"sku":"A-1","quantity":2,"price":9.5}},{{"sku":"B-22","quantity":1,"price":120.0}}],"#,
                r#""address":{{"street":"1 Long Street","city":"Springfield","country":"US","zip":"12345"}},"#,
                r#""note":"Please leave the parcel at the door of the neighbour if nobody answers the bell.","#,
                r#""created_at":"2024-03-01T12:00:00Z","updated_at":"2024-03-02T12:00:00Z","status":"shipped"}}"#
            ),
            id,
            id,
            id,
            id % 1000
        );
        builder.push(record.as_bytes());
    }
    builder.finish()
}
