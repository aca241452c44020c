//! Zip archives as input of the files source: every member like a file of its own, and nothing unpacked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::SourceContext;
use busta_core::meter::NoMeter;
use busta_core::{Checkpoint, ErrorKind, Position, Source, SplitState};
use busta_testkit::drive::{Harvest, read_all, read_all_reopening};
use proptest::prelude::*;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

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

/// A folder with one archive in it, and what else a test puts there.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(archive: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("a.zip", archive);
        folder
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    fn source(&self, keys: Value) -> Box<dyn Source> {
        build(self.0.path(), keys)
    }

    async fn read(&self, keys: Value) -> Harvest {
        read_all(&*self.source(keys), &Checkpoint::default()).await.unwrap()
    }
}

/// An archive of members with their names and bytes. Those with a `/` at the end are folders.
fn archive<'a>(members: impl IntoIterator<Item = (&'a str, Vec<u8>)>, method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in members {
        if name.ends_with('/') {
            writer.add_directory(name, options).unwrap();
        } else {
            writer.start_file(name, options).unwrap();
            writer.write_all(&content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn deflated<'a>(members: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    archive(members, CompressionMethod::Deflated)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn ids(harvest: &Harvest) -> Vec<i64> {
    harvest.stream("drops").iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

fn failures(harvest: &Harvest) -> Vec<(String, String)> {
    let told = |f: &busta_core::Failure| (f.position.clone().unwrap_or_default(), f.reason.clone());
    harvest.failures.iter().map(|(_, failure)| told(failure)).collect()
}

fn checkpoint(harvest: &Harvest) -> Checkpoint {
    Checkpoint { starts: harvest.starts.clone().into_iter().collect(), ..Checkpoint::default() }
}

/// Changes what the directory and the header of member `name` say, at these places.
fn patch(archive: &mut [u8], name: &str, in_header: usize, in_directory: usize, byte: u8) {
    let marks: [(&[u8], usize, usize); 2] =
        [(b"PK\x03\x04", 30, in_header), (b"PK\x01\x02", 46, in_directory)];
    for (mark, length, at) in marks {
        let found = memchr::memmem::find_iter(archive, mark)
            .find(|start| archive[start + length..].starts_with(name.as_bytes()));
        archive[found.unwrap() + at] = byte;
    }
}

#[tokio::test]
async fn every_member_is_read_like_a_file() {
    let members = || {
        [
            ("deep/", vec![]),
            ("deep/1.json", br#"{"id":1}"#.to_vec()),
            ("2.ndjson", b"{\"id\":2}\n{\"id\":\n{\"id\":3}\n".to_vec()),
            ("__MACOSX/deep/._1.json", b"x".to_vec()),
            ("deep/.DS_Store", b"x".to_vec()),
            ("3.csv", b"\xef\xbb\xbfid;name\n4;x\n".to_vec()),
            ("4.json.gz", gzip(br#"[{"id":5},{"id":6}]"#)),
            ("5.bin", zstd::encode_all(&b"{\"id\":7}\n{\"id\":8}"[..], 1).unwrap()),
            ("../../6.json", br#"{"id":9}"#.to_vec()),
            ("/etc/7.json", br#"{"id":10}"#.to_vec()),
            ("8.tsv", b"id\tname\n11\ta,b\n".to_vec()),
            ("README.md", b"words".to_vec()),
            ("out/9.json", b"x".to_vec()),
        ]
    };
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let folder = Folder::with(&archive(members(), method));
        let before = fs::read_dir(folder.0.path()).unwrap().count();
        let keys = json!({"paths": ["."], "include_path": true, "exclude": ["*.md", "a.zip/out"]});
        let harvest = folder.read(keys).await;
        assert_eq!(ids(&harvest), (1..=11).collect::<Vec<_>>());
        let told = failures(&harvest);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "a.zip:2.ndjson:2");
        let names: Vec<&str> = harvest.stream("drops").iter().map(|r| r["_file"].as_str().unwrap()).collect();
        assert_eq!((names[0], names[8]), ("a.zip:deep/1.json", "a.zip:../../6.json"));
        assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), before);
    }
}

#[tokio::test]
async fn the_configured_format_chooses_members() {
    let members = [
        ("a.csv", b"id\n1\n".to_vec()),
        ("b.txt", b"id\n2\n".to_vec()),
        ("c.json", br#"{"id":3}"#.to_vec()),
        ("d.jsonl", br#"{"id":4}"#.to_vec()),
    ];
    let folder = Folder::with(&deflated(members));
    for (format, expected) in [("csv", vec![1, 2]), ("ndjson", vec![3, 4])] {
        let keys = json!({"paths": ["a.zip"], "format": format, "exclude": if format == "csv" { json!([]) } else { json!(["*.txt"]) }});
        let harvest = folder.read(keys).await;
        assert_eq!((ids(&harvest), failures(&harvest)), (expected, vec![]), "{format}");
    }
    // `compression: none` takes the archive for the text that it is not.
    let harvest = folder.read(json!({"paths": ["a.zip"], "compression": "none"})).await;
    assert!(failures(&harvest)[0].1.contains("zip archive"), "{:?}", failures(&harvest));
}

#[tokio::test]
async fn members_that_cannot_be_read_leave_the_others_alone() {
    let text = |id: usize| format!("{{\"id\":{id}}}").into_bytes();
    let names: Vec<String> = (1..=9).map(|n| format!("{n}.json")).collect();
    let content = |n: usize| match n {
        2 => vec![b' '; 32 << 20],
        3 => b"PAR1 and so on".to_vec(),
        4 => deflated([("x.json", text(0))]),
        5 => gzip(&vec![b' '; 32 << 20]),
        n => text(n),
    };
    let mut bytes = deflated(names.iter().enumerate().map(|(at, name)| (name.as_str(), content(at + 1))));
    patch(&mut bytes, "6.json", 6, 8, 1);
    patch(&mut bytes, "7.json", 8, 10, 12);
    patch(&mut bytes, "8.json", 14, 16, 0xee);
    let mut folder = Folder::with(&bytes);
    folder.write("b.json", text(10));
    let harvest = folder.read(json!({"paths": ["."]})).await;
    // The text of the eighth is there; only its checksum is wrong, which shows at its end.
    let good: Vec<i64> = ids(&harvest).into_iter().filter(|id| *id != 8).collect();
    assert_eq!(good, [1, 9, 10]);
    let told = failures(&harvest);
    let words = [
        (2, "looks like a bomb"),
        (3, ""),
        (4, "inside another file"),
        (5, "looks like a bomb"),
        (6, "encrypted"),
        (7, "bzip2"),
        (8, "checksum"),
    ];
    for (n, word) in words {
        let of: Vec<_> = told.iter().filter(|(at, _)| at.starts_with(&format!("a.zip:{n}.json"))).collect();
        assert_eq!(of.len(), 1, "{n}: {told:#?}");
        assert!(of[0].1.contains(word), "{n}: {}", of[0].1);
    }
    assert_eq!(told.len(), words.len(), "{told:#?}");
    // It was read as far as it can be, and is not read again until it changes.
    let again = read_all(&*folder.source(json!({"paths": ["."]})), &checkpoint(&harvest)).await.unwrap();
    assert_eq!((again.splits.len(), ids(&again)), (0, vec![]));
    folder = Folder::with(&deflated([("1.parquet.gz", gzip(b"PAR1....PAR1"))]));
    let harvest = folder.read(json!({"paths": ["."]})).await;
    assert!(failures(&harvest)[0].1.contains("Parquet file inside"), "{:?}", failures(&harvest));
}

#[tokio::test]
async fn members_over_one_another_are_refused() {
    let bytes = deflated([("1.json", vec![b' '; 16 << 20])]);
    let (start, end) = (memchr::memmem::rfind(&bytes, b"PK\x01\x02").unwrap(), bytes.len() - 22);
    let (entry, count) = (&bytes[start..end], 20u16);
    let mut many = bytes[..start].to_vec();
    (0..count).for_each(|_| many.extend(entry));
    let mut last = bytes[end..].to_vec();
    last[8..10].copy_from_slice(&count.to_le_bytes());
    last[10..12].copy_from_slice(&count.to_le_bytes());
    last[12..16].copy_from_slice(&(entry.len() as u32 * u32::from(count)).to_le_bytes());
    many.extend(last);
    let harvest = Folder::with(&many).read(json!({"paths": ["."]})).await;
    let told = failures(&harvest);
    assert_eq!((told.len(), &*told[0].0), (1, "a.zip"));
    assert!(told[0].1.contains("looks like a bomb"), "{told:?}");
}

#[tokio::test]
async fn a_truncated_archive_is_one_failure_and_is_tried_again() {
    let bytes = deflated([("1.json", br#"{"id":1}"#.to_vec()), ("2.json", br#"{"id":2}"#.to_vec())]);
    let folder = Folder::with(&bytes[..bytes.len() - 30]);
    folder.write("b.json", r#"{"id":3}"#);
    let first = folder.read(json!({"paths": ["."]})).await;
    assert_eq!(ids(&first), [3]);
    assert_eq!(first.failures.len(), 1);
    assert_eq!(first.failures[0].1.kind, ErrorKind::Corrupt);
    assert!(failures(&first)[0].1.contains("cut off"), "{:?}", failures(&first));
    let source = folder.source(json!({"paths": ["."]}));
    assert_eq!(read_all(&*source, &checkpoint(&first)).await.unwrap().failures.len(), 1);
    folder.write("a.zip", &bytes);
    let mended = read_all(&*source, &checkpoint(&first)).await.unwrap();
    assert_eq!(ids(&mended), [1, 2]);
    assert_eq!(read_all(&*source, &checkpoint(&mended)).await.unwrap().splits.len(), 1, "b.json alone");
}

/// Reads one batch at a time, as if the process were killed after the commit of each and the run resumed.
async fn read_crashing(source: &dyn Source) -> (Vec<Value>, usize) {
    let (mut known, mut records, mut rounds) = (Checkpoint::default(), Vec::new(), 0);
    loop {
        let splits = source.plan(&known).await.unwrap();
        let Some(split) = splits.iter().find(|split| known.position(&split.id) != Position::Done) else {
            return (records, rounds);
        };
        let position = known.position(&split.id);
        let at = if let Position::At(cursor) = &position { Some(cursor) } else { None };
        let batch = source.open(split, at).await.unwrap().next().await.unwrap().unwrap();
        records.extend(batch.records.iter().map(|r| serde_json::from_slice::<Value>(r).unwrap()));
        known.starts.extend(batch.starts);
        let position = if batch.done { Position::Done } else { Position::At(batch.cursor) };
        known.splits.insert(split.id.clone(), SplitState { position, high: None, found: None });
        rounds += 1;
        assert!(rounds < 1_000, "this does not end");
    }
}

/// What a member of a random archive holds: so many records of that size, in a format, some of them bad.
#[derive(Clone, Debug)]
struct Content {
    format: usize,
    records: usize,
    width: usize,
    bad_every: usize,
}

impl Content {
    fn text(&self, member: usize) -> (String, Vec<u8>) {
        let filler = "x".repeat(self.width);
        let lines: Vec<String> = (0..self.records)
            .map(|n| match (self.format, n % self.bad_every == self.bad_every - 1) {
                (2, true) => "1,2,3,4,5".to_owned(),
                (_, true) => "[]".to_owned(),
                (2, false) => format!("{member},{n},{filler}"),
                (_, false) => format!(r#"{{"member":{member},"n":{n},"text":"{filler}"}}"#),
            })
            .collect();
        match self.format {
            0 => (format!("{member}.json"), format!("[{}]", lines.join(",\n")).into_bytes()),
            1 => (format!("{member}.ndjson"), lines.join("\n").into_bytes()),
            2 => (format!("{member}.csv"), format!("member,n,text\n{}\n", lines.join("\n")).into_bytes()),
            _ => (format!("{member}.ndjson.gz"), gzip(lines.join("\n").as_bytes())),
        }
    }
}

fn content() -> impl Strategy<Value = Content> {
    let records = prop_oneof![3 => 0usize..5, 1 => 0usize..3_000];
    (0usize..4, records, 0usize..200, prop_oneof![Just(usize::MAX), 2usize..50])
        .prop_map(|(format, records, width, bad_every)| Content { format, records, width, bad_every })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_batch_is_a_place_to_go_on(contents in prop::collection::vec(content(), 0..110), stored: bool) {
        let members: Vec<(String, Vec<u8>)> = contents.iter().enumerate().map(|(at, c)| c.text(at)).collect();
        let method = if stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let bytes = archive(members.iter().map(|(name, text)| (name.as_str(), text.clone())), method);
        let folder = Folder::with(&bytes);
        let unpacked = Folder(tempfile::tempdir().unwrap());
        for (at, (name, text)) in members.iter().enumerate() {
            unpacked.write(&format!("{at:03} {name}"), text);
        }
        let source = folder.source(json!({"paths": ["."]}));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let whole = read_all(&*source, &Checkpoint::default()).await.unwrap();
            let files = unpacked.read(json!({"paths": ["."]})).await;
            prop_assert!(whole.stream("drops") == files.stream("drops"), "as files");
            prop_assert_eq!(whole.failures.len(), files.failures.len());
            let reopened = read_all_reopening(&*source, &Checkpoint::default()).await.unwrap();
            prop_assert!(whole.stream("drops") == reopened.stream("drops"), "reopened");
            prop_assert_eq!(failures(&whole), failures(&reopened));
            let (records, rounds) = read_crashing(&*source).await;
            prop_assert!(whole.stream("drops") == records, "resumed in {} rounds", rounds);
            Ok(())
        })?;
    }
}

/// The folder of real inputs, which lies beside the checkout.
fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let candidates = [root.join("../shared/data"), root.join("../../shared/data")];
    candidates.into_iter().find(|folder| folder.join("archives").exists())
}

#[tokio::test]
async fn a_real_archive_is_read() {
    let Some(shared) = shared() else {
        eprintln!("skipped: ../shared/data is not here");
        return;
    };
    let name = "archives/binance-2022-04-21_aggregate_trade_updates.zip";
    let harvest =
        read_all(&*build(&shared, json!({"paths": [name], "include_path": true})), &Checkpoint::default())
            .await
            .unwrap();
    assert_eq!(failures(&harvest), []);
    let mut text = String::new();
    let mut known = ZipArchive::new(fs::File::open(shared.join(name)).unwrap()).unwrap();
    known.by_index(0).unwrap().read_to_string(&mut text).unwrap();
    let records = harvest.stream("drops");
    assert_eq!(records.len(), text.lines().count() - 1);
    let last = text.lines().last().unwrap().split(',').next().unwrap();
    assert_eq!(records.last().unwrap()["File Path"], last);
    let member = "2022-04-21_aggregate_trade_updates.csv";
    assert!(records.iter().all(|record| record["_file"] == format!("{name}:{member}")));
}

/// Rows `first` and on as a Parquet file, in row groups of a row or so.
#[cfg(feature = "parquet")]
fn parquet(rows: std::ops::Range<i64>) -> Vec<u8> {
    use busta_parquet::{ParquetWriter, Shape, WriteOptions};
    let text = |id: i64| format!(r#"{{"id":{id},"text":"{}"}}"#, format!("{id:05}").repeat(20_000));
    let texts: Vec<String> = rows.map(text).collect();
    let shape = Shape::of(&texts.iter().map(String::as_str).collect());
    let mut options = WriteOptions::default();
    options.row_group_bytes = 1;
    let mut bytes = Vec::new();
    let mut writer = ParquetWriter::create(&mut bytes, &shape, &options).unwrap();
    texts.chunks(8).for_each(|some| writer.write(&some.iter().map(String::as_str).collect()).unwrap());
    writer.close().unwrap();
    bytes
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn members_may_be_parquet() {
    let mut damaged = parquet(100..140);
    damaged[10..600].fill(0xa5);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let members = [
            ("1.csv", b"id,name\n0,x\n1,y\n".to_vec()),
            ("2.parquet", parquet(2..60)),
            ("damaged.parquet", damaged.clone()),
            ("short.parquet", b"PAR1....PAR1".to_vec()),
            ("without a name", parquet(60..62)),
            ("z.json", br#"[{"id":62}]"#.to_vec()),
        ];
        let folder = Folder::with(&archive(members, method));
        let source = folder.source(json!({"paths": ["."], "include_path": true}));
        let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
        let sound: Vec<i64> = ids(&harvest).into_iter().filter(|id| *id < 100).collect();
        assert_eq!(sound, (0..63).collect::<Vec<_>>());
        assert!(harvest.batches > 5, "{}", harvest.batches);
        let told = failures(&harvest);
        let places: Vec<&str> = told.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["a.zip:damaged.parquet", "a.zip:short.parquet"], "{told:?}");
        let rows = harvest.stream("drops");
        assert_eq!(
            (&rows[2]["_file"], &rows[59]["_file"]),
            (&json!("a.zip:2.parquet"), &json!("a.zip:2.parquet"))
        );
        // A crash after any commit goes on at the row of the member.
        let reopened = read_all_reopening(&*source, &Checkpoint::default()).await.unwrap();
        assert_eq!(reopened.stream("drops"), rows);
        assert!(source.plan(&checkpoint(&harvest)).await.unwrap().is_empty());
    }
}
