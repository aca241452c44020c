//! Files of every form, whole and broken, read through and from every place.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

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

/// How a file is read whose rows are to come in order.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// How many bytes a batch has.
    bytes: usize,
    /// Whether reading goes on in a file that is opened anew, after each batch and after so many steps of sorting.
    reopen: Option<usize>,
    sizes: Sizes,
}

/// Reads a file in order. Gives what it told, in how many batches and how many steps of sorting.
fn read_sorted(path: &Path, table: &Arc<Table>, manner: Manner) -> (Told, usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("a.rows.part");
    let open = |at: Option<&RowsPlace>| {
        let file = RowsFile::open(path, table, &about(), "a", at).unwrap();
        RowsFile { sizes: manner.sizes, ..file.sorting_at(scratch.clone()) }
    };
    let (mut told, mut batches, mut steps) = (Told::default(), 0, 0);
    let (mut place, mut file, mut given_up) = (None, open(None), false);
    told.quality = loop {
        let batch = file.read(manner.bytes).unwrap();
        told.add(&batch);
        match batch.end {
            RowsEnd::Done(quality) => break quality,
            RowsEnd::Sorting => {
                assert!(batch.records.is_empty() && batch.failures.is_empty());
                steps += 1;
                // Once: who gives up each time never comes to the end.
                if manner.reopen == Some(steps) && !std::mem::replace(&mut given_up, true) {
                    file = open(place.as_ref());
                }
            }
            RowsEnd::More(next) => {
                batches += 1;
                if manner.reopen.is_some() {
                    file = open(Some(&next));
                }
                place = Some(next);
            }
        }
    };
    drop(file);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "all is removed");
    (told, batches + 1, steps)
}

/// How often a row comes that is earlier than the one before it.
fn falls(told: &Told) -> usize {
    let time =
        |record: &String| serde_json::from_str::<Value>(record).unwrap()["t"].as_str().unwrap().to_owned();
    let times: Vec<String> = told.records.iter().map(time).collect();
    times.windows(2).filter(|two| two[1] < two[0]).count()
}

fn in_any_order(told: &Told) -> Vec<String> {
    let mut all = told.records.clone();
    all.sort();
    all
}

fn counts(quality: &Quality) -> (u64, u64, u64, u64) {
    (quality.rows, quality.failed_rows, quality.members, quality.out_of_order)
}

fn unordered() -> Arc<Table> {
    Arc::new(Table { unordered: true, ..Table::clone(&table()) })
}

/// The rows of these times, and the name of a file with them.
fn text_of(times: &[u64], as_json: bool) -> (&'static str, Vec<u8>) {
    let time = |time: &u64| 1_704_067_200 + time;
    let rows = times.iter().enumerate();
    if as_json {
        let row = |(n, at)| format!("{{\"n\":{n},\"t\":{},\"p\":1,\"b\":true,\"s\":\"x\"}}\n", time(at));
        ("a.jsonl", rows.map(row).collect::<String>().into_bytes())
    } else {
        let row = |(n, at)| format!("{},1,{n},true,x\n", time(at));
        ("a.csv", ("t,p,n,b,s\n".to_owned() + &rows.map(row).collect::<String>()).into_bytes())
    }
}

#[test]
fn sorting_a_file_goes_in_steps_and_none_of_them_is_the_last_for_a_dead_run() {
    let folder = Folder::new();
    let times: Vec<u64> = (0..500).chain((0..2500).map(|n| n * 7919 % 2500)).collect();
    let (name, text) = text_of(&times, false);
    let path = folder.file("a.zip", &archive(&[(name, &text)]));
    let sizes = Sizes { run: 1 << 10, open: 8, step: 8 << 10 };
    let whole = read_sorted(&path, &table(), Manner { bytes: 1 << 12, reopen: None, sizes });
    // 60 kB are read once and written three times.
    assert!(whole.2 >= 20, "{} steps", whole.2);
    assert_eq!(falls(&whole.0), 1, "the batch before the first late row, and all others");
    for step in [1, 2, 15, 20] {
        let (told, ..) = read_sorted(&path, &table(), Manner { bytes: 1 << 12, reopen: Some(step), sizes });
        assert_eq!(told, whole.0, "given up after step {step}");
    }
}

#[test]
fn a_file_that_is_known_to_be_in_no_order_comes_in_one_stretch() {
    let folder = Folder::new();
    let times: Vec<u64> = (0..1000).chain([3, 1]).collect();
    let in_order: Vec<u64> = (0..1000).collect();
    let sizes = Sizes { run: 1 << 10, open: 8, step: 8 << 10 };
    for as_json in [false, true] {
        let (name, text) = text_of(&times, as_json);
        let zip = archive(&[(name, &text), ("b.csv", &text_of(&in_order, false).1)]);
        let path = folder.file("a.zip", &zip);
        for reopen in [None, Some(3)] {
            let read =
                |table: &Arc<Table>| read_sorted(&path, table, Manner { bytes: 1 << 12, reopen, sizes }).0;
            let (usual, known) = (read(&table()), read(&unordered()));
            // A member begins anew.
            assert_eq!((falls(&usual), falls(&known)), (2, 1), "{name}");
            assert_eq!(in_any_order(&usual), in_any_order(&known), "{name}");
            assert_eq!(counts(&usual.quality), counts(&known.quality), "{name}");
            assert_eq!(counts(&known.quality), (2002, 0, 2, 2), "{name}");
            // Where a file is in order, its own lines are told.
            assert_eq!(known.positions.last().unwrap(), "a:b.csv:1001");
        }
    }
}

/// A field that mostly fits, and at times is null or no such thing.
fn field(fits: &'static str, rare: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![60 => fits, 1 => rare]
}

/// Rows in every form, most of them plain.
fn any_rows() -> impl Strategy<Value = String> {
    let time = "17040672[0-9]{2}|17040672[0-9]{2}000(000)?|1704067[0-9]{3}\\.[0-9]{1,6}|2024-01-0[1-9] 00:0[0-9]:00|\\
         2024010[1-9]|2024010[1-9]2359|2024010[1-9]235959|2024130[1-9]";
    let fields = (
        field(time, "|NA|x|2024-01-01D00:00:01\\.000000001|1704067200000000001"),
        field(
            "[0-9]{1,7}\\.[0-9]{0,8}|-?[0-9]{1,19}|[0-9]{0,9}\\.[0-9]{1,12}|1E-8||NA",
            "x|1,5|\"1.5\"|\\.|inf",
        ),
        field("[0-9]{1,16}|-[0-9]{1,9}|[0-9]{17,18}|12\\.0|007||NA", "[0-9]{20}|1\\.5|x"),
        field("[Tt]rue|[Ff]alse|FALSE|TRUE|0|1||NA", "maybe|tru|falsy|truee|2"),
        field("[a-z]{0,20}|NA", "é|\"a,\"\"b\"|\"two\nlines\"|a\"b|\"open|a,b"),
    );
    let row = (fields, prop_oneof!["\n", Just("\r\n".to_owned())]);
    let row = row.prop_map(|((t, p, n, b, s), end)| format!("{t},{p},{n},{b},{s}{end}"));
    let other = "\r?\n|1,2\n|,,,,\n|1704067200,1.5\n";
    let rows = prop::collection::vec(prop_oneof![40 => row, 1 => other], 0..150);
    rows.prop_map(|rows| rows.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Rows that are read many at once, column by column, are the same as one by one, field by field: records,
    /// failures with their lines, the report. A batch for a single byte is read one by one.
    #[test]
    fn rows_read_at_once_are_those_read_one_by_one(
        text in any_rows(), bytes in 2_000..40_000usize, has_key: bool, ends: bool,
    ) {
        let folder = Folder::new();
        let text = if ends { &*text } else { text.trim_end() };
        let path = folder.file("a.csv", text.as_bytes());
        let mut table = Table::clone(&table());
        table.header = crate::sources::archive::layout::HeaderRow::Absent;
        table.null_values = vec!["NA".to_owned()];
        if !has_key {
            table.primary_key.clear();
        }
        let table = Arc::new(table);
        let one_by_one = read_as(&table, &path, 1, false).unwrap();
        prop_assert_eq!(&read_as(&table, &path, 1 << 20, false).unwrap(), &one_by_one);
        prop_assert_eq!(&read_as(&table, &path, bytes, true).unwrap(), &one_by_one);
    }
}

proptest! {
    /// Rows in any order come in that of their time, however small batches are and wherever reading goes on; what was
    /// given before the first one out of order is in order too.
    #[test]
    fn rows_come_in_the_order_of_their_time(
        times in proptest::collection::vec(0u64..500, 1..60),
        bytes in 1usize..3000,
        reopen in proptest::option::of(1usize..12),
        (zipped, as_json, known) in any::<(bool, bool, bool)>(),
        (run, open, step) in (1usize..400, 2usize..6, 1u64..2000),
    ) {
        let folder = Folder::new();
        let (name, text) = text_of(&times, as_json);
        let path = if zipped { folder.file("a.zip", &archive(&[(name, &text)])) } else { folder.file(name, &text) };
        let plain = read(&path, 1 << 20, false).unwrap();
        let table = if known { unordered() } else { table() };
        let manner = Manner { bytes, reopen, sizes: Sizes { run, open, step } };
        let (told, batches, _) = read_sorted(&path, &table, manner);
        // One batch is looked at before it is given; behind it, there are two stretches at most.
        let falls = falls(&told);
        prop_assert!(falls <= usize::from(batches > 1 && !known), "{:?}", told.records);
        prop_assert_eq!(in_any_order(&told), in_any_order(&plain));
        prop_assert_eq!(counts(&told.quality), counts(&plain.quality));
    }
}
