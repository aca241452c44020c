//! The files source from its keys to its records.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

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
async fn only_new_and_changed_files_are_read_again() {
    let folder = Folder::new();
    for id in 0..30 {
        folder.write(&format!("in/{id:02}.json"), format!(r#"{{"id":{id}}}"#));
    }
    folder.write("in/99.json", "{");
    let source = build(folder.path(), json!({"paths": ["in"]}));
    let first = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(first.stream("drops").len(), 30);
    let changed = folder.write("in/07.json", r#"{"id":7}"#);
    let later = fs::metadata(&changed).unwrap().modified().unwrap() + Duration::from_secs(1);
    fs::File::options().write(true).open(&changed).unwrap().set_modified(later).unwrap();
    folder.write("in/30.json", r#"{"id":30}"#);
    let second = read_all(&*source, &checkpoint(&first)).await.unwrap();
    assert_eq!(ids(second.stream("drops")), [7, 30]);
    // What has failed is tried again.
    assert_eq!(failures(&second).len(), 1);
    fs::remove_file(folder.path().join("in/99.json")).unwrap();
    let mut known = checkpoint(&first);
    known.starts.extend(second.starts);
    assert_eq!(source.plan(&known).await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let folder = Folder::new();
    folder.write("a.ndjson", "{\"id\":1}\n".repeat(600_000));
    let source = build(folder.path(), json!({"paths": ["a.ndjson"]}));
    let split = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let mut reader = source.open(&split, None).await.unwrap();
    let mut starts = HashMap::new();
    let mut first = reader.next().await.unwrap().unwrap();
    assert!(!first.done);
    let at = first.cursor.clone();
    starts.extend(std::mem::take(&mut first.starts));
    let mut file = fs::File::options().append(true).open(folder.path().join("a.ndjson")).unwrap();
    file.write_all(b"{\"id\":2}\n").unwrap();
    while let Some(batch) = reader.next().await.unwrap() {
        starts.extend(batch.starts);
        if batch.done {
            break;
        }
    }
    let known = Checkpoint { starts, ..Checkpoint::default() };
    assert_eq!(source.plan(&known).await.unwrap().len(), 1);
    // Opened at its old place the file is another one: without a key that is told, with one it is
    // read from its start.
    let told = source.open(&split, Some(&at)).await.unwrap().next().await.unwrap().unwrap();
    assert!(told.done && told.records.is_empty() && told.starts.is_empty());
    assert!(told.failures[0].reason.contains("has changed"), "{:?}", told.failures);
    let merging = build(folder.path(), json!({"paths": ["a.ndjson"], "primary_key": "id"}));
    let again = merging.open(&split, Some(&at)).await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(again.records.len(), first.records.len());
}

/// Large files of every format, with line breaks and brackets in texts.
fn large(folder: &Folder, count: u64) {
    let record =
        |id: u64| json!({"id": id, "text": format!("}}]\"\n{}", "ü,x".repeat((id % 50) as usize * 3))});
    let records: Vec<Value> = (0..count).map(record).collect();
    folder.write("in/array.json", serde_json::to_vec(&records).unwrap());
    folder.write("in/pretty.json.gz", gzip(&serde_json::to_vec_pretty(&records).unwrap()));
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    folder.write("in/lines.ndjson", &lines);
    folder.write("in/lines.jsonl.zst", zstd::encode_all(lines.as_bytes(), 1).unwrap());
    let features: Vec<Value> =
        records.iter().map(|r| json!({"type": "Feature", "id": r["id"], "text": r["text"]})).collect();
    let collection = json!({"features": features, "links": [{"a": "]"}], "type": "FeatureCollection"});
    folder.write("in/collection.json", collection.to_string());
    let mut rows = String::from("id,text\n");
    for record in &records {
        rows.push_str(&format!(
            "{},\"{}\"\n",
            record["id"],
            record["text"].as_str().unwrap().replace('"', "\"\"")
        ));
    }
    folder.write("in/rows.csv", rows);
}

#[tokio::test]
async fn large_files_go_on_where_they_were_left() {
    let folder = Folder::new();
    let count = 16_000;
    large(&folder, count);
    let source = build(folder.path(), json!({"paths": ["in"], "include_path": "file"}));
    let whole = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert!(whole.batches > 12, "{} batches", whole.batches);
    assert_eq!(failures(&whole), []);
    let mut by_file: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for record in whole.stream("drops") {
        by_file.entry(record["file"].as_str().unwrap()).or_default().push(record["id"].as_i64().unwrap());
    }
    assert_eq!(by_file.len(), 6);
    for (file, ids) in by_file {
        assert!(ids.iter().copied().eq(0..count as i64), "{file}: {} records", ids.len());
    }
    let reopened = read_all_reopening(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(whole.stream("drops"), reopened.stream("drops"));
    assert_eq!(whole.starts, reopened.starts);
}

/// Reads one batch at a time, as if the process were killed after the commit of each: everything is
/// planned anew from what is committed. `resume` keeps the positions of the splits, as a resumed
/// run does; a new run has the start cursors alone.
async fn read_crashing(source: &dyn Source, resume: bool) -> (Vec<Value>, usize) {
    let mut known = Checkpoint::default();
    let mut records = Vec::new();
    let mut rounds = 0;
    loop {
        let splits = source.plan(&known).await.unwrap();
        let Some(split) = splits.iter().find(|split| known.position(&split.id) != Position::Done) else {
            return (records, rounds);
        };
        // Not always the first, since splits are read side by side.
        let open: Vec<_> = splits.iter().filter(|s| known.position(&s.id) != Position::Done).collect();
        let split = open.get(rounds % open.len()).copied().unwrap_or(split);
        let at = match known.position(&split.id) {
            Position::At(cursor) => Some(cursor),
            _ => None,
        };
        let batch = source.open(split, at.as_ref()).await.unwrap().next().await.unwrap().unwrap();
        records.extend(batch.records.iter().map(|r| serde_json::from_slice::<Value>(r).unwrap()));
        known.starts.extend(batch.starts);
        let position = if batch.done { Position::Done } else { Position::At(batch.cursor) };
        // Without positions a split of failures alone would be read for ever.
        if resume || batch.records.is_empty() {
            known.splits.insert(split.id.clone(), SplitState { position, high: None, found: None });
        }
        rounds += 1;
        assert!(rounds < 2_000, "this does not end");
    }
}

#[tokio::test]
async fn planning_again_after_every_batch_loses_and_repeats_nothing() {
    let folder = Folder::new();
    large(&folder, 6_000);
    for id in 0..400 {
        // The first of a group fails, and others here and there.
        let content = if id % 37 == 0 { "{".to_owned() } else { format!(r#"{{"id":{id},"file":"small"}}"#) };
        folder.write(&format!("in/{id:03}.json"), content);
    }
    for mode in ["append", "replace"] {
        let keys = json!({"paths": ["in"], "write_mode": mode});
        let source = build(folder.path(), keys);
        let undisturbed = read_all(&*source, &Checkpoint::default()).await.unwrap();
        let sorted = |records: &[Value]| {
            let mut texts: Vec<String> = records.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        let expected = sorted(undisturbed.stream("drops"));
        assert_eq!(expected.len(), 6 * 6_000 + 400 - 11);
        let (records, rounds) = read_crashing(&*source, true).await;
        assert!(rounds > 15, "{rounds} rounds");
        assert!(sorted(&records) == expected, "{mode}: {} of {}", records.len(), expected.len());
        if mode == "append" {
            let (records, _) = read_crashing(&*source, false).await;
            assert!(sorted(&records) == expected, "new runs: {} of {}", records.len(), expected.len());
            assert!(undisturbed.starts.keys().all(|key| key.starts_with("file:in/")));
        } else {
            assert!(undisturbed.starts.is_empty());
        }
    }
}

#[tokio::test]
async fn bad_files_and_items_leave_the_others_alone() {
    let folder = Folder::new();
    folder.write("in/01.json", r#"[{"id":1},{"id":2},{"id":3"#);
    folder.write("in/02.ndjson", "{\"id\":4}\nnonsense\n{\"id\":5}\n[1]\n");
    folder.write("in/03.json", "");
    folder.write("in/04.json", b"{\"id\":\"\xff\"}");
    folder.write("in/05.csv", "id,n\n6,1\n7\n8,1,2\n9,1\n");
    folder.write("in/06.json.gz", &gzip(br#"[{"id":10}]"#)[..15]);
    folder.write("in/07.bin", b"\0\x01\x02");
    folder.write("in/08.html", "<!doctype html>");
    folder.write("in/09.json", r#"{"id":11}"#);
    folder.write("in/10.ndjson", "");
    let harvest = folder.read(json!({"paths": ["in", "gone.json", "nowhere/*.json"]})).await;
    assert_eq!(ids(harvest.stream("drops")), [1, 2, 4, 5, 6, 9, 11]);
    let mut told = failures(&harvest);
    told.sort();
    let positions: Vec<&str> = told.iter().map(|(position, _)| position.as_str()).collect();
    let expected = [
        "gone.json",
        "in/01.json: item 3",
        "in/02.ndjson:2",
        "in/02.ndjson:4",
        "in/03.json",
        "in/04.json: item 1",
        "in/05.csv:3",
        "in/05.csv:4",
        "in/06.json.gz",
        "in/07.bin",
        "in/08.html",
        "nowhere",
    ];
    assert_eq!(positions, expected, "{told:#?}");
    assert!(told[0].1.contains("nearest folder"), "{told:?}");
    let payload =
        harvest.failures.iter().find(|(_, f)| f.position.as_deref() == Some("in/05.csv:4")).unwrap();
    assert_eq!(payload.1.payload.as_deref(), Some("8,1,2"));
}

#[tokio::test]
async fn a_file_that_breaks_off_gives_its_first_part_once() {
    let folder = Folder::new();
    let lines: String = (0..200_000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let compressed = gzip(lines.as_bytes());
    folder.write("a.ndjson.gz", &compressed[..compressed.len() / 2]);
    let source = build(folder.path(), json!({"paths": ["*"]}));
    let first = read_all(&*source, &Checkpoint::default()).await.unwrap();
    let count = first.stream("drops").len();
    assert!((1_000..199_000).contains(&count), "{count}");
    assert_eq!(first.failures.len(), 1);
    let second = read_all(&*source, &checkpoint(&first)).await.unwrap();
    assert_eq!((second.stream("drops").len(), second.failures.len()), (0, 1));
}

#[tokio::test]
async fn an_item_beyond_all_bounds_costs_only_itself() {
    let folder = Folder::new();
    let huge = format!(r#"{{"id":2,"text":"{}"}}"#, "]}".repeat(20 << 20));
    folder.write("a.json", format!(r#"[{{"id":1}},{huge},{{"id":3}}]"#));
    folder.write("b.ndjson", format!("{{\"id\":1}}\n{huge}\n{{\"id\":3}}"));
    let harvest = folder.read(json!({"paths": ["*"]})).await;
    assert_eq!(ids(harvest.stream("drops")), [1, 3, 1, 3]);
    let told = failures(&harvest);
    assert_eq!((&*told[0].0, &*told[1].0), ("a.json: item 2", "b.ndjson:2"));
    assert!(told.iter().all(|(_, reason)| reason.contains("larger than 32 MiB")), "{told:?}");
}

#[tokio::test]
async fn wrong_compression_is_one_failure_a_file() {
    let folder = Folder::new();
    folder.write("a.json", r#"{"id":1}"#);
    folder.write("b.json", gzip(br#"{"id":2}"#));
    let harvest = folder.read(json!({"paths": ["*.json"], "compression": "gzip"})).await;
    assert_eq!(ids(harvest.stream("drops")), [2]);
    assert_eq!(failures(&harvest).len(), 1);
    assert_eq!(harvest.failures[0].1.kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn closed_files_and_folders_are_failures() {
    let folder = Folder::new();
    folder.write("in/closed/a.json", r#"{"id":1}"#);
    let closed = folder.write("in/b.json", r#"{"id":2}"#);
    folder.write("in/c.json", r#"{"id":3}"#);
    let close = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    close(&closed, 0o000);
    close(&folder.path().join("in/closed"), 0o000);
    if fs::File::open(&closed).is_ok() {
        eprintln!("skipped: this user may read everything");
        close(&folder.path().join("in/closed"), 0o755);
        return;
    }
    let harvest = folder.read(json!({"paths": ["in"]})).await;
    close(&folder.path().join("in/closed"), 0o755);
    assert_eq!(ids(harvest.stream("drops")), [3]);
    let mut positions: Vec<String> = failures(&harvest).into_iter().map(|(position, _)| position).collect();
    positions.sort();
    assert_eq!(positions, ["in/b.json", "in/closed"]);
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
