//! The files source from its keys to its records.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod going_on;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::{Built, SourceContext};
use busta_core::meter::{Meter, Request};
use busta_core::{Checkpoint, CursorValue, Source, SplitState};
use busta_core::{ErrorKind, Position};
use busta_testkit::drive::{Harvest, read_all, read_all_reopening};
use serde_json::{Value, json};

#[derive(Default)]
struct Bytes(AtomicU64);

impl Meter for Bytes {
    fn request(&self, _seen: &Request<'_>) {}

    fn bytes(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn waited(&self, _time: std::time::Duration) {}
}

fn context(folder: &Path, meter: Arc<dyn Meter>) -> SourceContext {
    SourceContext {
        name: "drops".into(),
        base_dir: folder.to_owned(),
        meter,
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(30),
        readers: 8,
    }
}

fn try_build(folder: &Path, keys: Value) -> Built<Box<dyn Source>> {
    (registry::source("files").unwrap().build)(keys, context(folder, Arc::new(Bytes::default())))
}

fn build(folder: &Path, keys: Value) -> Box<dyn Source> {
    try_build(folder, keys).unwrap_or_else(|problems| panic!("{problems:?}"))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    async fn read(&self, keys: Value) -> Harvest {
        read_all(&*build(self.path(), keys), &Checkpoint::default()).await.unwrap()
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn checkpoint(harvest: &Harvest) -> Checkpoint {
    Checkpoint { starts: harvest.starts.clone().into_iter().collect(), ..Checkpoint::default() }
}

fn ids(records: &[Value]) -> Vec<i64> {
    records.iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

fn failures(harvest: &Harvest) -> Vec<(String, String)> {
    let told = |f: &busta_core::Failure| (f.position.clone().unwrap_or_default(), f.reason.clone());
    harvest.failures.iter().map(|(_, failure)| told(failure)).collect()
}

#[tokio::test]
async fn every_format_and_compression_is_read() {
    let folder = Folder::new();
    folder.write("a/1.json", r#"{"id":1}"#);
    folder.write("a/2.json.gz", gzip(br#"[{"id":2},{"id":3}]"#));
    folder.write("b/3.ndjson.zst", zstd::encode_all(&b"{\"id\":4}\n{\"id\":5}\n"[..], 1).unwrap());
    folder.write("b/4.csv", "\u{feff}id;name;id\r\n6;x;\r\n");
    folder.write("b/5.geojson", r#"{"features":[{"type":"Feature","id":7}],"type":"FeatureCollection"}"#);
    folder.write("b/6", "{\"id\":8}\n{\"id\":9}");
    let mut wide = vec![0xff, 0xfe];
    wide.extend("id\tname\n10\tü\n".encode_utf16().flat_map(u16::to_le_bytes));
    folder.write("b/7.tsv", wide);
    folder.write("b/.hidden.json", "x");
    folder.write("b/8.json.tmp", "x");
    folder.write("_busta/9.json", "x");
    let harvest = folder.read(json!({"paths": ["."]})).await;
    assert_eq!(failures(&harvest), []);
    let records = harvest.stream("drops");
    assert_eq!(ids(records), (1..=10).collect::<Vec<_>>());
    assert_eq!(records[5], json!({"id":6,"name":"x","id_2":null}));
    assert_eq!(records[9], json!({"id":10,"name":"ü"}));
}

#[tokio::test]
async fn files_are_named_by_globs_folders_and_paths() {
    let folder = Folder::new();
    for (id, name) in
        ["in/a.json", "in/x/b.json", "in/x/c.txt", "in/x/d_draft.json", "out/e.json"].iter().enumerate()
    {
        folder.write(name, format!(r#"{{"id":{id}}}"#));
    }
    let read = |paths: &[&str]| json!({"paths": paths, "exclude": ["*_draft.json"]});
    let all = folder.read(read(&["in/**/*.json", "./in/a.json", "out", "out/e.json"])).await;
    assert_eq!(ids(all.stream("drops")), [0, 1, 4]);
    let flat = folder.read(read(&["in/*.json"])).await;
    assert_eq!(ids(flat.stream("drops")), [0]);
    let absolute = folder.path().join("out").to_str().unwrap().to_owned();
    assert_eq!(ids(folder.read(read(&[&absolute])).await.stream("drops")), [4]);
    let with_path = folder.read(json!({"paths": ["out"], "include_path": true, "stream": "s"})).await;
    assert_eq!(with_path.stream("s"), [json!({"_file": "out/e.json", "id": 4})]);
}

#[tokio::test]
async fn links_that_lead_back_are_followed_once() {
    let folder = Folder::new();
    folder.write("in/a.json", r#"{"id":1}"#);
    symlink(folder.path().join("in"), folder.path().join("in/loop")).unwrap();
    let harvest = folder.read(json!({"paths": ["in"]})).await;
    assert_eq!((ids(harvest.stream("drops")), failures(&harvest)), (vec![1], vec![]));
}

#[tokio::test]
async fn records_may_lie_deeper_and_have_a_cursor_field() {
    let folder = Folder::new();
    folder.write("a.json", r#"{"meta":{"items":[1]},"data":{"items":[{"id":1,"at":5},{"id":2,"at":9}]}}"#);
    folder.write("b.json", "{\"data\":{\"items\":[{\"id\":3,\"at\":7}]}}\n{\"data\":{\"items\":[]}}\n");
    let keys = json!({"paths": ["*.json"], "records": "$.data.items", "primary_key": ["id"],
                      "cursor": {"field": "at"}, "table": "t"});
    let source = build(folder.path(), keys.clone());
    assert_eq!((&*source.streams()[0].table, source.streams()[0].cursor_field.as_deref()), ("t", Some("at")));
    let harvest = folder.read(keys).await;
    assert_eq!(ids(harvest.stream("drops")), [1, 2, 3]);
    assert_eq!(harvest.highs["drops"], CursorValue::Integer(9));
}

#[tokio::test]
async fn rows_are_read_as_the_keys_say() {
    let folder = Folder::new();
    folder.write("a.csv", "1|'x|y'|NA\n2|007|true\n");
    folder.write("b.csv", b"3|caf\xe9|1.50\n");
    let harvest = folder.read(json!({"paths": ["*.csv"], "encoding": "windows-1252", "csv": {
        "delimiter": "|", "quote": "'", "header": "auto", "columns": ["id", "b", "c"], "null_values": ["NA"],
    }})).await;
    let expected = [
        json!({"id":1,"b":"x|y","c":null}),
        json!({"id":2,"b":"007","c":true}),
        json!({"id":3,"b":"café","c":1.50}),
    ];
    assert_eq!((harvest.stream("drops"), failures(&harvest)), (&expected[..], vec![]));
}

#[tokio::test]
async fn what_is_read_is_counted() {
    let folder = Folder::new();
    let compressed = gzip(br#"{"id":1}"#);
    folder.write("a.json.gz", &compressed);
    folder.write("b.json", r#"{"id":2}"#);
    let meter = Arc::new(Bytes::default());
    let build = registry::source("files").unwrap().build;
    let source =
        build(json!({"paths": ["*"]}), context(folder.path(), meter.clone())).unwrap_or_else(|_| panic!());
    read_all(&*source, &Checkpoint::default()).await.unwrap();
    // The first bytes are looked at twice.
    let read = meter.0.load(Ordering::Relaxed);
    assert!((compressed.len() as u64 + 8..compressed.len() as u64 + 16).contains(&read), "{read}");
}

#[tokio::test]
async fn a_test_says_what_there_is() {
    let folder = Folder::new();
    folder.write("in/a.json", r#"[{"id":1},{"id":2}]"#);
    let probe = build(folder.path(), json!({"paths": ["in/*.json", "in/*.txt"]})).test().await.unwrap();
    assert_eq!(probe.sample.len(), 2);
    assert!(probe.summary.starts_with("1 files, 19 bytes; in/a.json: 2 records"), "{}", probe.summary);
    assert!(probe.summary.ends_with("nothing matches in/*.txt"), "{}", probe.summary);
    let told = build(folder.path(), json!({"paths": ["in/*.csv"]})).test().await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::NotFound);
    assert!(told.to_string().contains("the folder holds a.json"), "{told}");
    let told = build(folder.path(), json!({"paths": ["im/a.json"]})).test().await.unwrap_err();
    assert!(told.to_string().contains("nearest folder that exists"), "{told}");
}

#[test]
fn all_problems_are_told_at_once() {
    let keys = json!({"paths": ["a[", ""], "exclude": ["{"], "records": "items", "write_mode": "merge",
                      "encoding": "klingon", "csv": {"delimiter": "::", "columns": ["a", "a"]}});
    let Err(problems) = try_build(Path::new("."), keys) else { panic!("this must not be built") };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for path in [
        "paths.0.",
        "paths.1.",
        "exclude.",
        "records.",
        "write_mode.",
        "encoding.",
        "csv.delimiter.",
        "csv.columns.1.",
    ] {
        assert!(told.iter().any(|problem| problem.starts_with(path)), "{path} in {told:#?}");
    }
    for keys in [
        json!({}),
        json!({"paths": []}),
        json!({"paths": ["a"], "colour": 1}),
        json!({"paths": ["a"], "csv": {"header": "yes"}}),
    ] {
        assert!(try_build(Path::new("."), keys.clone()).is_err(), "{keys}");
    }
}

#[test]
fn the_example_is_valid_and_has_a_schema() {
    let connector = registry::source("files").unwrap();
    assert!(connector.example.contains("paths"));
    let mut generator = schemars::SchemaGenerator::default();
    (connector.schema)(&mut generator);
    let definitions = serde_json::to_string(generator.definitions()).unwrap();
    for key in ["include_path", "null_values", "primary_key"] {
        assert!(definitions.contains(key), "{key}");
    }
}

/// The folder of real inputs, which lies beside the checkout.
fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let candidates = [root.join("../shared/data"), root.join("../../shared/data")];
    candidates.into_iter().find(|folder| folder.join("stac/pgstac-100-items.ndjson").exists())
}

#[tokio::test]
async fn real_items_are_read() {
    let Some(shared) = shared() else {
        eprintln!("skipped: ../shared/data is not here");
        return;
    };
    let keys = json!({"paths": ["stac/*.ndjson"], "include_path": true});
    let source = build(&shared, keys);
    let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(failures(&harvest), []);
    let count = |file: &str| harvest.stream("drops").iter().filter(|r| r["_file"] == file).count();
    assert_eq!(count("stac/pgstac-100-items.ndjson"), 100);
    // The same items as one collection and as one file each.
    let folder = Folder::new();
    let text = fs::read_to_string(shared.join("stac/pgstac-100-items.ndjson")).unwrap();
    let items: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    folder.write("all.json", json!({"type": "FeatureCollection", "features": items}).to_string());
    for (index, item) in items.iter().enumerate() {
        folder.write(&format!("each/{index:03}.json"), serde_json::to_vec_pretty(item).unwrap());
    }
    for path in ["all.json", "each"] {
        let harvest = folder.read(json!({"paths": [path]})).await;
        assert!(harvest.stream("drops") == items, "{path}");
    }
}
