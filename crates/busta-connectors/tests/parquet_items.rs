//! The `parquet` destination with `layout: stac-geoparquet`.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{Committed, Destination, Finish, StreamFinish, StreamSpec, WriteMode};
use busta_parquet::ParquetReader;
use busta_testkit::judges;
use busta_testkit::landing::Landing;
use serde_json::{Value, json};

fn open(folder: &Path, keys: Value) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    let mut all = json!({"path": "lake", "layout": "stac-geoparquet"});
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    (registry::destination("parquet").unwrap().build)(all, context).unwrap()
}

/// One run that writes records to streams and finishes them.
async fn run(
    destination: &dyn Destination,
    run: &str,
    mode: WriteMode,
    pages: &[(&str, &[Value])],
) -> Vec<Committed> {
    let key = || vec!["collection".to_owned(), "id".to_owned()];
    let specs: Vec<StreamSpec> = ["items", "collections"]
        .map(|name| StreamSpec { write_mode: mode, ..StreamSpec::new(name, key()) })
        .to_vec();
    let source = "stac".into();
    destination.prepare(&run.into(), &source, &specs).await.unwrap();
    let mut all = Vec::new();
    for (page, (stream, records)) in pages.iter().enumerate() {
        let texts: Vec<String> = records.iter().map(Value::to_string).collect();
        let landing = Landing::new(run, "stac", stream, &format!("{stream} {page}"));
        all.push(landing.write(destination, texts.iter().map(String::as_str)).await.unwrap());
    }
    let streams = specs.into_iter().map(|spec| StreamFinish { stream: spec.name, starts: vec![] }).collect();
    destination.finish(&Finish::completed(run.into(), source, streams)).await.unwrap();
    all
}

async fn scan(destination: &dyn Destination, table: &str) -> Vec<Value> {
    let mut scan = destination.readable().scan(table).await.unwrap();
    let mut rows = Vec::new();
    while let Some(page) = scan.next().await.unwrap() {
        rows.extend(page.iter().map(|row| serde_json::from_slice::<Value>(row).unwrap()));
    }
    rows
}

/// The Items among rows, in the order of their ids, as they were before they were stamped.
fn items_of(rows: Vec<Value>) -> Vec<Value> {
    let mut items: Vec<Value> = rows
        .into_iter()
        .map(|mut row| {
            let fields = row.as_object_mut().unwrap();
            for stamp in ["_busta_run", "_busta_source", "_busta_loaded_at"] {
                assert!(fields.remove(stamp).unwrap().is_string());
            }
            row
        })
        .collect();
    sort(&mut items);
    items
}

fn sort(items: &mut [Value]) {
    items.sort_by_key(|item| (item["collection"].to_string(), item["id"].to_string()));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What a reader of stac-geoparquet finds in the files of a folder.
fn read(folder: &Path) -> Vec<Value> {
    let mut items = Vec::new();
    for path in files(folder) {
        let reader = ParquetReader::open(File::open(path).unwrap()).unwrap();
        assert!(reader.is_stac());
        for page in reader.as_items() {
            items.extend(page.unwrap().iter().map(|item| serde_json::from_slice::<Value>(item).unwrap()));
        }
    }
    sort(&mut items);
    items
}

fn item(n: usize) -> Value {
    let x = n as f64 / 4.0;
    json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": format!("i{n:03}"),
        "geometry": {"type": "Point", "coordinates": [x, 2.5]}, "bbox": [x, 2.5, x, 2.5],
        "links": [{"rel": "self", "href": format!("https://x/{n}")}],
        "assets": {"image": {"href": "y", "roles": ["data"]}},
        "collection": if n.is_multiple_of(2) { "naip" } else { "b/c" },
        "properties": {"datetime": format!("2024-{:02}-01T00:00:00Z", 1 + n % 3), "gsd": x}
    })
}

fn items(range: std::ops::Range<usize>) -> Vec<Value> {
    let mut items: Vec<Value> = range.map(item).collect();
    sort(&mut items);
    items
}

#[tokio::test]
async fn items_land_as_items_and_other_tables_as_tables() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path(), json!({}));
    let collection = json!({"type": "Collection", "id": "naip", "collection": "x"});
    let done = run(
        &*destination,
        "R1",
        WriteMode::Merge,
        &[("items", &items(0..10)), ("collections", std::slice::from_ref(&collection))],
    )
    .await;
    assert_eq!(done[0].inserted, 10);
    assert_eq!(items_of(scan(&*destination, "items").await), items(0..10));
    assert_eq!(read(&folder.path().join("lake/items")), items(0..10));
    assert_eq!(items_of(scan(&*destination, "collections").await), [collection]);
    let table = &files(&folder.path().join("lake/collections"))[0];
    assert!(!ParquetReader::open(File::open(table).unwrap()).unwrap().is_stac());
}

#[tokio::test]
async fn what_is_no_item_becomes_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path(), json!({"item_tables": ["items"]}));
    let mut mixed = items(0..6);
    let wrong = |n: usize, name: &str, value: Value| {
        let mut item = item(n);
        item[name] = value;
        item
    };
    // A broken Item must not take the place of the good one with its key, either.
    mixed.push(wrong(3, "geometry", json!({"type": "Circle"})));
    mixed.push(wrong(10, "bbox", json!([1, 2, 3])));
    mixed.push(json!({"id": "x", "collection": "c"}));
    for mode in [WriteMode::Merge, WriteMode::Append, WriteMode::Replace] {
        let done = run(&*destination, &format!("{mode:?}"), mode, &[("items", &mixed)]).await;
        assert_eq!(done[0].rejected, 3);
    }
    let failures = destination.readable().failures(None, 100).await.unwrap();
    assert_eq!(failures.len(), 9);
    let reasons: String = failures.iter().map(|failure| format!("{}\n", failure.reason)).collect();
    assert!(reasons.contains("Circle") && reasons.contains("3 numbers"), "{reasons}");
    assert_eq!(read(&folder.path().join("lake/items")), items(0..6));
}

#[tokio::test]
async fn merged_items_are_rewritten_in_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let by = json!(["collection", {"field": "properties.datetime", "by": "month"}]);
    let destination = open(folder.path(), json!({"partition_by": by}));
    run(&*destination, "R1", WriteMode::Merge, &[("items", &items(0..40))]).await;
    let mut newer = items(30..50);
    for (n, item) in newer.iter_mut().enumerate() {
        // Columns that widen, and one that no Item had.
        item["properties"]["gsd"] = json!("wide");
        item["assets"]["thumbnail"] = json!({"href": "t", "size": n});
    }
    let done = run(&*destination, "R2", WriteMode::Merge, &[("items", &newer)]).await;
    assert_eq!((done[0].inserted, done[0].updated), (10, 10));
    let mut expected = items(0..30);
    expected.extend(newer);
    sort(&mut expected);
    assert_eq!(items_of(scan(&*destination, "items").await), expected);
    let lake = folder.path().join("lake/items");
    assert_eq!(read(&lake), expected);
    let folders: BTreeMap<String, usize> = files(&lake).iter().fold(BTreeMap::new(), |mut all, path| {
        let folder = path.parent().unwrap().strip_prefix(&lake).unwrap();
        *all.entry(folder.to_str().unwrap().to_owned()).or_default() += 1;
        all
    });
    assert_eq!(folders.len(), 6);
    assert!(folders.contains_key("collection=b%2Fc/datetime_month=2024-02"), "{folders:?}");
    drop(destination);
    let reopened = open(folder.path(), json!({"partition_by": by}));
    assert_eq!(items_of(scan(&*reopened, "items").await), expected);
    run(&*reopened, "R3", WriteMode::Replace, &[("items", &items(0..3))]).await;
    assert_eq!(read(&lake), items(0..3));
}

/// Rows that were there before the layout was asked for are rewritten with the others, Items or not.
#[tokio::test]
async fn the_layout_of_a_table_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let open = |layout: &str| open(folder.path(), json!({"layout": layout, "partition_by": ["collection"]}));
    let odd = json!({"id": "odd", "collection": "naip"});
    let first: Vec<Value> = items(0..4).into_iter().chain([odd.clone()]).collect();
    run(&*open("table"), "R1", WriteMode::Merge, &[("items", &first)]).await;
    let destination = open("stac-geoparquet");
    run(&*destination, "R2", WriteMode::Merge, &[("items", &items(2..6))]).await;
    let mut expected: Vec<Value> = items(0..6).into_iter().chain([odd]).collect();
    sort(&mut expected);
    assert_eq!(items_of(scan(&*destination, "items").await), expected);
    drop(destination);
    let back = open("table");
    run(&*back, "R3", WriteMode::Merge, &[("items", &items(4..8))]).await;
    assert_eq!(scan(&*back, "items").await.len(), 9);
}

/// Large enough that files are made while the rows still come; the shape changes on the way.
#[tokio::test]
async fn files_made_ahead_hold_every_item() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path(), json!({}));
    let pages: Vec<Vec<Value>> = (0..30)
        .map(|page| {
            let mut items = items(page * 50..page * 50 + 50);
            for item in &mut items {
                item["properties"]["text"] = json!("x".repeat(2000));
                if page >= 20 {
                    item["properties"]["late"] = json!({"nested": [page]});
                }
            }
            items
        })
        .collect();
    let parts: Vec<(&str, &[Value])> = pages.iter().map(|page| ("items", &page[..])).collect();
    run(&*destination, "R1", WriteMode::Merge, &parts).await;
    let mut expected: Vec<Value> = pages.into_iter().flatten().collect();
    sort(&mut expected);
    assert_eq!(read(&folder.path().join("lake/items")), expected);
}

/// What pyarrow, DuckDB, Polars, stac-geoparquet and rustac make of the folder.
#[tokio::test]
async fn others_read_the_folder() {
    let Some(python) = judges::python() else { return };
    let items: Vec<Value> = match judges::real_data("stac/pgstac-100-items.ndjson") {
        Some(path) => {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
        None => items(0..100),
    };
    for by in [json!([]), json!(["collection", {"field": "properties.datetime", "by": "month"}])] {
        let folder = tempfile::tempdir().unwrap();
        let destination = open(folder.path(), json!({"partition_by": by}));
        run(&*destination, "R1", WriteMode::Merge, &[("items", &items[..60])]).await;
        // A file that is rewritten without superseded rows.
        run(&*destination, "R2", WriteMode::Merge, &[("items", &items[50..])]).await;
        let truth = folder.path().join("truth.ndjson");
        let lines: Vec<String> = items.iter().map(Value::to_string).collect();
        std::fs::write(&truth, lines.join("\n")).unwrap();
        let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge_items.py");
        let mut command = std::process::Command::new(&python);
        let output = command.arg(judge).arg(folder.path().join("lake/items")).arg(truth).output().unwrap();
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "a judge has found something; see above");
    }
}
