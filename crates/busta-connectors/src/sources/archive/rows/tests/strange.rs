//! Forms of files in which archives surprise.

use super::*;

fn why(name: &str, bytes: &[u8]) -> String {
    read(&Folder::new().file(name, bytes), 1 << 20, false).unwrap_err().to_string()
}

fn told(name: &str, bytes: &[u8]) -> Told {
    let told = read(&Folder::new().file(name, bytes), 1 << 20, false).unwrap();
    assert_eq!(told.failures, [], "{name}");
    told
}

#[test]
fn a_page_in_the_place_of_a_file_is_no_rows() {
    for page in [
        "<!DOCTYPE html>\n<html><body>Bad Gateway</body></html>\n",
        "\u{feff} \n<HTML>\n<p>a,b</p></HTML>",
        "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>",
    ] {
        for (name, bytes) in [
            ("a.csv", page.as_bytes().to_vec()),
            ("a.jsonl", page.as_bytes().to_vec()),
            ("a.csv.gz", gzip(page.as_bytes())),
            ("a.zip", archive(&[("a.csv", page.as_bytes())])),
            // As servers answer where a zip was asked for.
            ("b.zip", page.as_bytes().to_vec()),
        ] {
            assert!(why(name, &bytes).contains("web page"), "{name}: {page}");
        }
    }
    // A text may begin so.
    let (name, text) = ("a.csv", "t,p,n,b,s\n1704067200,1,1,true,<html>\n");
    assert_eq!(told(name, text.as_bytes()).records.len(), 1);
}

#[test]
fn comments_before_the_header_are_passed_over() {
    let text = format!("# exported, by \"us\n\n#\n{ROWS}");
    let with_header = told("a.csv", text.as_bytes());
    assert_eq!(with_header.records, records());
    assert_eq!(with_header.positions[0], "a.csv:5");
    let rows = &ROWS[ROWS.find('\n').unwrap() + 1..];
    assert_eq!(told("a.csv", format!("# no header\n{rows}").as_bytes()).records, records());
    assert_eq!(told("a.csv", format!("#{ROWS}").as_bytes()).records, records(), "names behind a `#`");
    assert_eq!(told("a.csv", b"# nothing").records.len(), 0);
    // Behind the first row it is a row, and broken.
    let late = format!("{ROWS}# late\n");
    let late = read(&Folder::new().file("a.csv", late.as_bytes()), 1 << 20, false).unwrap();
    assert_eq!((late.records.len(), late.failures.len()), (3, 1));
    // Each batch begins with the comments anew.
    let folder = Folder::new();
    let path = folder.file("a.csv", text.as_bytes());
    assert_eq!(read(&path, 1, true).unwrap(), with_header);
}

#[test]
fn a_text_that_may_begin_with_a_mark_is_no_comment() {
    let table: Table = serde_json::from_value(json!({
        "columns": [{ "name": "tag", "type": "text" }, { "name": "n", "type": "integer" }],
    }))
    .unwrap();
    let folder = Folder::new();
    let path = folder.file("a.csv", b"# tags\n#a,1\n#b,2\n");
    let mut file = RowsFile::open(&path, &Arc::new(table), &Map::new(), "a.csv", None).unwrap();
    let batch = file.read(1 << 20).unwrap();
    assert_eq!((batch.records.len(), batch.failures.len()), (2, 0));
}

#[test]
fn a_header_in_another_order_is_read_by_its_names() {
    let error = why("a.csv", b"p,t,n,b,side\n42000.5,1704067200000,1,true,x\n");
    assert!(error.contains("no column `s`") && error.contains("`side`"), "{error}");
}

#[test]
fn numbers_with_blanks_around_are_numbers() {
    let text = "t,p,n,b,s\n 1704067200 , 1.5,\t1 , true , x \n1704067260,  ,1,true,a\n";
    let told = told("a.csv", text.as_bytes());
    let record: Value = serde_json::from_str(&told.records[0]).unwrap();
    assert_eq!((&record["p"], &record["n"], &record["b"]), (&json!(1.5), &json!(1), &json!(true)));
    assert_eq!((&record["t"], &record["s"]), (&json!("2024-01-01T00:00:00.000000Z"), &json!(" x ")));
    let record: Value = serde_json::from_str(&told.records[1]).unwrap();
    assert_eq!(record["p"], Value::Null);
}

#[test]
fn gzip_may_be_padded_with_zeros_and_nothing_else() {
    let padded = |zeros: usize| [gzip(ROWS.as_bytes()), vec![0; zeros]].concat();
    for zeros in [1, 511, 200_000] {
        assert_eq!(told("a.csv.gz", &padded(zeros)).records, records(), "{zeros}");
    }
    let junk = [padded(3), b"junk".to_vec()].concat();
    assert!(!why("a.csv.gz", &junk).is_empty());
}

#[test]
fn gzip_and_zstd_that_unpack_to_too_much_are_bombs() {
    let zeros = vec![b'0'; 64 << 20];
    let zst = zstd::encode_all(&zeros[..], 1).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&zeros).unwrap();
    for (name, bytes) in [("a.csv.gz", gz.finish().unwrap()), ("a.csv.zst", zst)] {
        assert!(bytes.len() < zeros.len() / 200, "{name}");
        // Deflate cannot do more than rows that are all alike do honestly.
        assert_eq!(why(name, &bytes).contains("bomb"), name == "a.csv.zst", "{name}");
        let zip = archive(&[(name, &bytes)]);
        assert!(why("a.zip", &zip).contains("bomb"), "{name} in a zip");
    }
}

#[test]
fn a_zip_may_stand_behind_something_and_not_in_another_one() {
    let zip = archive(&[("a.csv", ROWS.as_bytes())]);
    for name in ["a.zip", "a.exe"] {
        let behind = told(name, &[b"#!/bin/sh\nexec unzip $0\n", &zip[..]].concat());
        assert_eq!(behind.records, records(), "{name}");
        assert_eq!(behind.positions[0], format!("{name}:a.csv:2"));
    }
    assert!(why("b.zip", &archive(&[("a.zip", &zip)])).contains("a zip archive inside"));
    assert!(why("a.csv.gz", &gzip(&zip)).contains("a zip archive inside"));
}

#[test]
fn names_of_members_say_what_their_rows_are_of() {
    let folder = Folder::new();
    let rows = |from: u64, step: u64| {
        (from..from + 3).map(|n| format!("{},1,1,true,x\n", 1_704_067_200 + n * step)).collect::<String>()
    };
    let zip = archive(&[
        ("XBTUSD_1m.csv", rows(0, 60).as_bytes()),
        ("ETHUSD_1m.csv", rows(0, 60).as_bytes()),
        ("all/XBTUSD_5m.csv", rows(0, 600).as_bytes()),
        ("notes.csv", b"none"),
    ]);
    let path = folder.file("a.zip", &zip);
    let said = |name: &str| {
        let (symbol, interval) = name.rsplit('/').next()?.strip_suffix(".csv")?.split_once('_')?;
        let values = [("symbol", symbol), ("interval", interval)].map(|(n, v)| (n.to_owned(), v.to_owned()));
        Some(Said { values: values.into(), wanted: symbol == "XBTUSD" })
    };
    let open = |at: Option<&RowsPlace>| {
        RowsFile::open(&path, &table(), &Map::new(), "a.zip", at).unwrap().of_members(at, said).unwrap()
    };
    let mut told = Told::default();
    let mut file = open(None);
    told.quality = loop {
        let batch = file.read(1).unwrap();
        told.add(&batch);
        match batch.end {
            RowsEnd::More(place) => file = open(Some(&place)),
            RowsEnd::Sorting => {}
            RowsEnd::Done(quality) => break quality,
        }
    };
    let of = |record: &String| {
        let record: Value = serde_json::from_str(record).unwrap();
        format!("{} {}", record["symbol"].as_str().unwrap(), record["interval"].as_str().unwrap())
    };
    let expected = ["XBTUSD 1m"; 3].into_iter().chain(["XBTUSD 5m"; 3]);
    assert!(told.records.iter().map(of).eq(expected), "{:?}", told.records);
    assert_eq!(told.failures, []);
    // Ten minutes are a gap between rows of five, and one is none between those of one.
    assert_eq!((told.quality.members, told.quality.gaps, told.quality.missing_rows), (2, Some(2), Some(2)));

    let none =
        RowsFile::open(&path, &table(), &Map::new(), "a.zip", None).unwrap().of_members(None, |_| None);
    assert!(none.err().unwrap().to_string().contains("no member of it"));
    let plain = folder.file("a.csv", ROWS.as_bytes());
    let plain = RowsFile::open(&plain, &table(), &Map::new(), "a.csv", None).unwrap().of_members(None, said);
    assert!(plain.err().unwrap().to_string().contains("no archive"));
}
