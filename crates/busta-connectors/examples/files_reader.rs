//! How fast the files reader alone is, page cache warm: 10,000 JSON documents of about 5.5 KB, and
//! large files of every format, read by two readers side by side.
//!
//! ```text
//! cargo run --release -p busta-connectors --example files_reader
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the product")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::SourceContext;
use busta_core::meter::NoMeter;
use busta_core::{Checkpoint, Source};
use serde_json::{Value, json};
use support::peak_kib;

const READERS: usize = 2;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    // Linux: the peak starts anew, without what the generator held.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for pattern in ["small", "array.json", "lines.ndjson", "lines.ndjson.zst", "rows.csv"] {
        let best =
            (0..5).map(|_| runtime.block_on(read(folder.path(), pattern))).min_by_key(|seen| seen.0).unwrap();
        let (took, files, records, bytes) = best;
        let seconds = took.as_secs_f64();
        println!(
            "{pattern:18} {:9.0} files/s {:9.0} records/s {:6.0} MB/s of records ({records} records in {took:.1?})",
            files as f64 / seconds,
            records as f64 / seconds,
            bytes as f64 / seconds / 1e6,
        );
    }
    println!("peak memory {} MB", peak_kib() / 1024);
}

fn generate(folder: &Path) {
    let item = |id: usize| {
        let assets: serde_json::Map<String, Value> = (0..27)
            .map(|n| {
                let asset = json!({
                    "href": format!("https://data.example/scene/{id}/band_{n:02}.tif"),
                    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                    "title": format!("Band {n} of \"scene\" {id}"), "gsd": 10.5, "roles": ["data", "reflectance"],
                });
                (format!("B{n:02}"), asset)
            })
            .collect();
        json!({ "id": format!("scene-{id}"), "bbox": [1.25, 2.5, 3.75, 5.0], "assets": assets })
    };
    let texts: Vec<String> = (0..10_000).map(|id| item(id).to_string()).collect();
    for (id, text) in texts.iter().enumerate() {
        let path = folder.join(format!("small/{:03}", id / 100));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join(format!("{id}.json")), text).unwrap();
    }
    println!("documents of {} bytes", texts.iter().map(String::len).sum::<usize>() / texts.len());
    let array = format!("[{}]", texts.join(",")).repeat(4);
    fs::write(folder.join("array.json"), array).unwrap();
    let lines = format!("{}\n", texts.join("\n")).repeat(4);
    fs::write(folder.join("lines.ndjson.zst"), zstd::encode_all(lines.as_bytes(), 1).unwrap()).unwrap();
    fs::write(folder.join("lines.ndjson"), lines).unwrap();
    let row = |n: usize| format!("{n},42283.58000000,text of {n},true,2024-01-01T00:00:00Z,{}\n", n * 7);
    let rows: String = (0..1_000_000).map(row).collect();
    fs::write(folder.join("rows.csv"), format!("id,price,text,flag,at,count\n{rows}")).unwrap();
}

async fn read(folder: &Path, pattern: &str) -> (Duration, usize, usize, u64) {
    let context = SourceContext {
        name: "bench".into(),
        base_dir: folder.to_owned(),
        meter: Arc::new(NoMeter),
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(30),
        readers: 8,
    };
    let build = registry::source("files").unwrap().build;
    let Ok(source) = build(json!({ "paths": [pattern] }), context) else { return Default::default() };
    let source: Arc<dyn Source> = source.into();
    let splits = Arc::new(source.plan(&Checkpoint::default()).await.unwrap());
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (source, splits, next) = (source.clone(), splits.clone(), next.clone());
            tokio::spawn(async move {
                let (mut files, mut records, mut bytes) = (0, 0, 0);
                while let Some(split) = splits.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut reader = source.open(split, None).await.unwrap();
                    while let Some(batch) = reader.next().await.unwrap() {
                        assert!(batch.failures.is_empty());
                        files += batch.starts.len();
                        records += batch.records.len();
                        bytes += batch.records.bytes();
                    }
                }
                (files, records, bytes)
            })
        })
        .collect();
    let mut total = (0, 0, 0);
    for reader in readers {
        let (files, records, bytes) = reader.await.unwrap();
        total = (total.0 + files, total.1 + records, total.2 + bytes);
    }
    (started.elapsed(), total.0, total.1, total.2)
}
