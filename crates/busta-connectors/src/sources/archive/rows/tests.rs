//! Files of every form, whole and broken, read through and from every place.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

mod plain;
mod sorting;
mod strange;

fn table() -> Arc<Table> {
    Arc::new(
        serde_json::from_value(json!({
            "columns": [
                { "name": "t", "type": "time" },
                { "name": "p", "type": "number" },
                { "name": "n", "type": "integer" },
                { "name": "b", "type": "boolean" },
                { "name": "s", "type": "text" },
            ],
            "primary_key": ["symbol", "t"],
            "time": "t",
            "regular": true,
        }))
        .unwrap(),
    )
}

fn about() -> Map<String, Value> {
    json!({"symbol": "BTCUSDT", "interval": "1m"}).as_object().unwrap().clone()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Everything that a file gives.
#[derive(Debug, Default, PartialEq)]
struct Told {
    records: Vec<String>,
    positions: Vec<String>,
    failures: Vec<(String, String, String)>,
    quality: Quality,
}

impl Told {
    fn add(&mut self, batch: &RowsBatch) {
        for (n, record) in batch.records.iter().enumerate() {
            self.records.push(String::from_utf8(record.to_vec()).unwrap());
            self.positions.push(batch.records.position(n));
        }
        for failure in &batch.failures {
            let payload = failure.payload.clone().unwrap_or_default();
            self.failures.push((failure.position.clone().unwrap(), failure.reason.clone(), payload));
        }
    }
}

/// Reads a file in batches of so many bytes. With `reopen`, each batch is read by a file that is opened anew at
/// the place before it, which went through its stored form.
fn read(path: &Path, bytes: usize, reopen: bool) -> Result<Told> {
    read_as(&table(), path, bytes, reopen)
}

fn read_as(table: &Arc<Table>, path: &Path, bytes: usize, reopen: bool) -> Result<Told> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let open = |at: Option<&RowsPlace>| RowsFile::open(path, table, &about(), name, at);
    let mut told = Told::default();
    let mut file = open(None)?;
    loop {
        let batch = file.read(bytes)?;
        told.add(&batch);
        match batch.end {
            RowsEnd::Sorting => {}
            RowsEnd::Done(quality) => {
                told.quality = quality;
                return Ok(told);
            }
            RowsEnd::More(place) if reopen => {
                let stored = serde_json::to_string(&place).unwrap();
                file = open(Some(&serde_json::from_str(&stored).unwrap()))?;
            }
            RowsEnd::More(_) => {}
        }
    }
}

const ROWS: &str = "t,p,n,b,s\n\
    1704067200000,1.50,1,True,\"a, \"\"b\"\"\"\n\
    1704067260000000,-0.25000000,2,false,é\n\
    1704067320,.5,,true,\n";

fn records() -> Vec<String> {
    let start = r#"{"interval":"1m","symbol":"BTCUSDT","#;
    [
        r#""t":"2024-01-01T00:00:00.000000Z","p":1.5,"n":1,"b":true,"s":"a, \"b\""}"#,
        r#""t":"2024-01-01T00:01:00.000000Z","p":-0.25,"n":2,"b":false,"s":"é"}"#,
        r#""t":"2024-01-01T00:02:00.000000Z","p":0.5,"n":null,"b":true,"s":null}"#,
    ]
    .map(|record| format!("{start}{record}"))
    .to_vec()
}

#[test]
fn every_packing_gives_the_same_records() {
    let folder = Folder::new();
    let text = ROWS.as_bytes();
    let lines: String = [
        r#"{"t":1704067200000,"p":"1.50","n":1,"b":"True","s":"a, \"b\""}"#,
        r#"{"t":"1704067260000000","p":-0.25000000,"n":"2","b":false,"s":"é"}"#,
        r#"{"t":"2024-01-01 00:02:00","p":".5","n":null,"b":true,"s":""}"#,
    ]
    .map(|line| format!("{line}\n"))
    .concat();
    let no_header: Vec<u8> = text.split_inclusive(|b| *b == b'\n').skip(1).flatten().copied().collect();
    let files: [(&str, Vec<u8>); 9] = [
        ("a.csv", text.to_vec()),
        ("no_header.csv", no_header),
        ("crlf.csv", ROWS.replace('\n', "\r\n").into_bytes()),
        ("bom.csv", [b"\xef\xbb\xbf", text].concat()),
        ("a.csv.gz", gzip(text)),
        ("a.csv.zst", zstd::encode_all(text, 1).unwrap()),
        ("a.zip", archive(&[("a.csv", text)])),
        ("gz_in.zip", archive(&[("a.csv.gz", &gzip(text))])),
        ("a.jsonl.gz", gzip(lines.as_bytes())),
    ];
    for (name, bytes) in files {
        let told = read(&folder.file(name, &bytes), 1 << 20, false).unwrap();
        assert_eq!(told.records, records(), "{name}");
        assert_eq!(told.failures, [], "{name}");
        let quality = &told.quality;
        assert_eq!((quality.rows, quality.members, quality.gaps), (3, 1, Some(0)), "{name}");
    }
}

#[test]
fn rows_that_do_not_fit_are_failures_with_their_lines() {
    let folder = Folder::new();
    let text = "t,p,n,b,s\n\
        1704067200000,1,1,true,a\n\
        1704067260000,x,1,true,a\n\
        1704067320000,1,1,true\n\
        \n\
        ,1,1,true,a\n\
        1704067500000,1,1.5,true,a\n\
        1704067560000,1,1,maybe,a\n\
        1704067620000,1,1,true,\"open\n\
        1704067680000,1,1,true,a\n";
    let zip = folder.file("a.zip", &archive(&[("in/a.csv", text.as_bytes())]));
    let told = read(&zip, 1 << 20, false).unwrap();
    assert_eq!(told.records.len(), 2);
    assert_eq!(told.positions, ["a.zip:in/a.csv:2", "a.zip:in/a.csv:10"]);
    let failures: Vec<(&str, &str)> = told.failures.iter().map(|(at, why, _)| (&**at, &**why)).collect();
    let expected = [
        ("a.zip:in/a.csv:3", "`p` is no number: `x`"),
        ("a.zip:in/a.csv:4", "4 fields where there are 5 columns"),
        ("a.zip:in/a.csv:6", "`t` is empty"),
        ("a.zip:in/a.csv:7", "`n` is no whole number of 64 bits: `1.5`"),
        ("a.zip:in/a.csv:8", "`b` is no boolean: `maybe`"),
        ("a.zip:in/a.csv:9", "a quote is opened here and not closed in its field"),
    ];
    for ((at, why), (expected_at, expected_why)) in failures.iter().zip(expected) {
        assert_eq!(*at, expected_at);
        assert!(why.contains(expected_why), "{why}");
    }
    assert_eq!(failures.len(), expected.len());
    assert_eq!(told.failures[0].2, "1704067260000,x,1,true,a");
    assert_eq!(
        (told.quality.failed_rows, told.quality.gaps, told.quality.missing_rows),
        (6, Some(1), Some(7))
    );
}

#[test]
fn members_come_in_order_without_those_of_the_system() {
    let folder = Folder::new();
    let row = |minute: u64| format!("{},1,1,true,a\n", 1_704_067_200 + minute * 60);
    let zip = archive(&[
        ("__MACOSX/._b.csv", b"\0\x05\x16\x07 no rows"),
        ("b.csv", row(5).as_bytes()),
        (".DS_Store", b"x"),
        ("README.txt", b"hello"),
        ("../../a.csv", row(0).as_bytes()),
        ("empty.csv", b""),
    ]);
    let told = read(&folder.file("a.zip", &zip), 1 << 20, false).unwrap();
    assert_eq!(told.positions, ["a.zip:b.csv:1", "a.zip:../../a.csv:1"]);
    assert_eq!(told.failures, []);
    // They are series of their own: neither a gap nor out of order.
    let quality = &told.quality;
    assert_eq!((quality.members, quality.gaps, quality.out_of_order), (3, Some(0), 0));
    // A name is a name, and nothing is written.
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1);
}

#[test]
fn damaged_files_are_errors_that_say_so() {
    let folder = Folder::new();
    let rows: String =
        (0..20_000u64).map(|n| format!("{},{n}.5,{n},true,row {n}\n", 1_704_067_200 + n * 60)).collect();
    let told = |name: &str, bytes: &[u8]| {
        let error = read(&folder.file(name, bytes), 1 << 16, false).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
        error.to_string()
    };
    let gz = gzip(rows.as_bytes());
    told("cut.csv.gz", &gz[..gz.len() / 2]);
    told("no_sum.csv.gz", &gz[..gz.len() - 4]);
    let mut wrong = gz.clone();
    let at = wrong.len() - 6;
    wrong[at] ^= 0xff;
    told("wrong_sum.csv.gz", &wrong);
    let zip = archive(&[("a.csv", rows.as_bytes())]);
    assert!(told("cut.zip", &zip[..zip.len() / 2]).contains("cut off"));
    let mut wrong = zip.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x55;
    told("wrong.zip", &wrong);
    let zst = zstd::encode_all(rows.as_bytes(), 1).unwrap();
    told("cut.csv.zst", &zst[..zst.len() / 2]);
    assert!(told("empty.zip", &archive(&[])).contains("holds no file"));
    assert!(read(&folder.0.path().join("absent.csv"), 1, false).is_err());
}

#[test]
fn bombs_are_refused() {
    let folder = Folder::new();
    let zeros = vec![b'0'; 64 << 20];
    let error = read(&folder.file("a.zip", &archive(&[("a.csv", &zeros)])), 1 << 20, false).unwrap_err();
    assert!(error.to_string().contains("bomb"), "{error}");
}

#[test]
fn a_header_with_more_or_fewer_names_decides() {
    let folder = Folder::new();
    let more = "n,t,extra,p,b,s\n7,1704067200,x,1.5,true,a\n";
    let told = read(&folder.file("more.csv", more.as_bytes()), 1 << 20, false).unwrap();
    let record: Value = serde_json::from_str(&told.records[0]).unwrap();
    assert_eq!((&record["n"], &record["extra"]), (&json!(7), &json!("x")));
    let fewer = "t,p\n1704067200,1.5\n";
    let told = read(&folder.file("fewer.csv", fewer.as_bytes()), 1 << 20, false).unwrap();
    let record: Value = serde_json::from_str(&told.records[0]).unwrap();
    assert_eq!((&record["p"], record.get("n")), (&json!(1.5), Some(&Value::Null)));
    let other = folder.file("other.csv", b"p,n\n1.5,1\n");
    assert!(read(&other, 1 << 20, false).unwrap_err().to_string().contains("no column `t`"));
}

/// A file with a bit of everything.
fn mixed(rows: &[(u64, u8)]) -> Vec<u8> {
    let mut text = b"t,p,n,b,s\n".to_vec();
    for (minute, kind) in rows {
        let time = 1_704_067_200 + minute * 60;
        let row = match kind % 8 {
            0 => format!("{time},x,1,true,a\n"),
            1 => format!("{time},1,1,true,\"two\nlines\"\n"),
            2 => "\n".to_owned(),
            3 => format!("{time}000,0.125,-9,False,ümläut\r\n"),
            _ => format!("{time},1.5,2,true,plain\n"),
        };
        text.extend_from_slice(row.as_bytes());
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn going_on_at_any_place_gives_what_reading_through_gives(
        first in prop::collection::vec((0..40u64, any::<u8>()), 0..60),
        second in prop::collection::vec((0..40u64, any::<u8>()), 0..20),
        bytes in 1..2_000usize,
        packing in 0..3,
    ) {
        let folder = Folder::new();
        let (first, second) = (mixed(&first), mixed(&second));
        let path = match packing {
            0 => folder.file("a.csv", &first),
            1 => folder.file("a.csv.gz", &gzip(&first)),
            _ => folder.file("a.zip", &archive(&[("a.csv", &first), ("b.csv", &second)])),
        };
        let through = read(&path, 1 << 20, false).unwrap();
        prop_assert_eq!(&read(&path, bytes, false).unwrap(), &through);
        prop_assert_eq!(&read(&path, bytes, true).unwrap(), &through);
    }

    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>, rows in "([0-9a-z\",\\.\\-]{0,12}[,\n]){0,40}", as_json: bool) {
        let folder = Folder::new();
        let name = if as_json { "a.jsonl" } else { "a.csv" };
        for text in [bytes.as_slice(), rows.as_bytes()] {
            if let Ok(told) = read(&folder.file(name, text), 64, true) {
                for record in &told.records {
                    let value: Value = serde_json::from_str(record).unwrap();
                    prop_assert!(value.is_object());
                }
            }
        }
    }
}
