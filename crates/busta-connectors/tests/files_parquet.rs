//! Parquet through the files source.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::SourceContext;
use busta_core::meter::NoMeter;
use busta_core::{Checkpoint, CursorValue, ErrorKind, Records, Source};
use busta_parquet::{ItemShape, ParquetWriter, Shape, StacWriter, WriteOptions};
use busta_testkit::drive::{read_all, read_all_reopening};
use serde_json::{Value, json};

fn build(folder: &Path, keys: Value) -> Box<dyn Source> {
    let context = SourceContext {
        name: "drops".into(),
        base_dir: folder.to_owned(),
        meter: Arc::new(NoMeter),
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(30),
        readers: 8,
    };
    (registry::source("files").unwrap().build)(keys, context)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A file of `count` rows with about 10 KB of text each, in row groups of 1 MiB.
fn write_rows(path: &Path, count: usize) {
    let texts: Vec<String> =
        (0..count).map(|n| format!(r#"{{"id":{n},"text":"{}"}}"#, format!("{n:05}").repeat(2000))).collect();
    let records: Records = texts.iter().map(String::as_str).collect();
    let mut options = WriteOptions::default();
    options.row_group_bytes = 1 << 20;
    let file = File::create(path).unwrap();
    let mut writer = ParquetWriter::create(file, &Shape::of(&records), &options).unwrap();
    writer.write(&records).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn a_large_file_goes_on_at_its_row_and_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("rows.parquet"), 1000);
    let source = build(folder.path(), json!({"paths": ["."]}));
    let whole = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert!(whole.batches > 3, "{} batches", whole.batches);
    assert!(whole.stream("drops").iter().map(|row| row["id"].as_i64().unwrap()).eq(0..1000));
    let reopened = read_all_reopening(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(whole.stream("drops"), reopened.stream("drops"));
    let known = Checkpoint { starts: whole.starts.into_iter().collect(), ..Checkpoint::default() };
    assert!(source.plan(&known).await.unwrap().is_empty());
}

#[tokio::test]
async fn content_tells_what_a_name_does_not() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("rows"), 3);
    fs::write(folder.path().join("wrong.parquet"), "{\"id\":7}\n").unwrap();
    let source = build(folder.path(), json!({"paths": ["rows", "wrong.parquet"]}));
    let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("drops").len(), 3);
    let [(_, failure)] = &harvest.failures[..] else { panic!("{:?}", harvest.failures) };
    assert!(failure.reason.contains("not a Parquet file"), "{}", failure.reason);
}

#[tokio::test]
async fn a_damaged_file_is_one_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_rows(&path, 1000);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2000].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let source = build(folder.path(), json!({"paths": ["."], "format": "parquet"}));
    let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
    let [(_, failure)] = &harvest.failures[..] else { panic!("{:?}", harvest.failures) };
    assert_eq!(failure.kind, ErrorKind::Corrupt);
    assert!(failure.reason.contains("row group"), "{}", failure.reason);
    assert!(!harvest.stream("drops").is_empty());
}

#[tokio::test]
async fn stac_geoparquet_gives_items() {
    let folder = tempfile::tempdir().unwrap();
    let item = json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": ["x"], "id": "a",
        "geometry": {"type": "Point", "coordinates": [1.5, 2.5]}, "bbox": [1.5, 2.5, 1.5, 2.5],
        "properties": {"datetime": "2024-01-01T00:00:00Z", "gsd": 10},
        "links": [], "assets": {"data": {"href": "y"}}, "collection": "c",
    });
    let items: Records = [item.to_string().as_str()].into_iter().collect();
    let file = File::create(folder.path().join("items.parquet")).unwrap();
    let mut writer =
        StacWriter::create(file, &ItemShape::of(&items).unwrap(), &WriteOptions::default()).unwrap();
    writer.write(&items).unwrap();
    writer.close().unwrap();
    let source = build(folder.path(), json!({"paths": ["."], "primary_key": "id"}));
    let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("drops"), [item]);
}

#[tokio::test]
async fn rows_travel_as_columns_and_say_where_they_are_from() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("a.parquet"), 10);
    fs::write(folder.path().join("b.ndjson"), "{\"id\":10}\n{\"id\":30}\n").unwrap();
    write_rows(&folder.path().join("c.parquet"), 20);
    let keys = json!({"paths": ["."], "include_path": true, "cursor": {"field": "id"}});
    let source = build(folder.path(), keys);
    let split = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let mut reader = source.open(&split, None).await.unwrap();
    let first = reader.next().await.unwrap().unwrap();
    let columns = first.records.columns().unwrap();
    let names: Vec<&str> = columns.list().iter().map(|column| column.name()).collect();
    assert_eq!(names, ["id", "text", "_file"]);
    assert_eq!(first.records.position(9), "a.parquet: row 10");
    assert_eq!(first.high, Some(CursorValue::Integer(9)));
    // Behind other records they are texts like these.
    let second = reader.next().await.unwrap().unwrap();
    assert!(second.done && second.records.columns().is_none());
    assert_eq!(second.records.position(1), "b.ndjson:2");
    assert_eq!(second.records.position(21), "c.parquet: row 20");
    assert_eq!(second.high, Some(CursorValue::Integer(30)));
    let last: Value = serde_json::from_slice(second.records.get(21)).unwrap();
    assert_eq!((&last["id"], &last["_file"]), (&json!(19), &json!("c.parquet")));
}
