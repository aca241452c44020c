//! What is written is read again, whatever the records look like.

#![allow(missing_docs, clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs::File;

use busta_core::Records;
use busta_core::json::for_each_field;
use busta_parquet::{Kind, ParquetReader, ParquetWriter, Shape, WriteOptions};
use proptest::prelude::*;
use serde_json::Value;

fn records(texts: &[String]) -> Records {
    texts.iter().map(String::as_str).collect()
}

fn write(batches: &[Records], shape: &Shape, row_group_bytes: usize) -> File {
    let file = tempfile::tempfile().unwrap();
    let mut options = WriteOptions::default();
    options.row_group_bytes = row_group_bytes;
    let mut writer = ParquetWriter::create(&file, shape, &options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    let written = writer.close().unwrap();
    assert_eq!(written.rows, batches.iter().map(|b| b.len() as u64).sum::<u64>());
    assert_eq!(written.bytes, file.metadata().unwrap().len());
    file
}

fn read(reader: ParquetReader) -> Vec<String> {
    let mut texts = Vec::new();
    for batch in reader {
        texts.extend(batch.unwrap().iter().map(|r| String::from_utf8(r.to_vec()).unwrap()));
    }
    texts
}

/// A record as it must come back from a file with this shape: without nulls, numbers by their value,
/// and what stands in a column of texts as its text.
fn expected(record: &str, shape: &Shape) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for_each_field(record.as_bytes(), |name, raw| {
        let column = shape.columns().iter().find(|column| column.name() == name).unwrap();
        let value = match (column.kind(), raw.as_bytes()[0]) {
            // Neither other values nor texts that are none are bent into shape.
            (Kind::Text, first) if first != b'"' || serde_json::from_str::<String>(raw).is_err() => {
                Value::String(raw.to_owned()).to_string()
            }
            _ => normal(raw),
        };
        if raw == "null" {
            fields.remove(&*name);
        } else {
            fields.insert(name.into_owned(), value);
        }
    })
    .unwrap();
    fields
}

fn found(record: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for_each_field(record.as_bytes(), |name, raw| {
        fields.insert(name.into_owned(), normal(raw));
    })
    .unwrap();
    fields
}

/// Texts without a choice of escapes, numbers as decimals, and nested values letter for letter.
fn normal(raw: &str) -> String {
    match raw.as_bytes()[0] {
        b'"' => serde_json::from_str::<String>(raw).map_or(raw.to_owned(), |t| Value::String(t).to_string()),
        b'-' | b'0'..=b'9' => decimal(raw),
        _ => raw.to_owned(),
    }
}

/// A number's digits without zeros at the ends, and where its point is.
fn decimal(raw: &str) -> String {
    let lower = raw.to_ascii_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return "0".into();
    }
    let point =
        exponent.parse::<i64>().unwrap() + whole.len() as i64 - (digits.len() - significant.len()) as i64;
    format!("{sign}0.{}e{point}", significant.trim_end_matches('0'))
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        (-99_i64..99).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(|f| format!("{f:e}")),
        "-?(0|[1-9][0-9]{0,22})\\.[0-9]{1,20}([eE][-+]?[0-9]{1,3})?",
        "[1-9][0-9]{0,25}",
        any::<String>().prop_map(|s| Value::String(s).to_string()),
        Just(r#""\u0041\ud83d\ude00\/""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => scalar(),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(|v| format!("[{}]", v.join(" , "))),
        1 => scalar().prop_map(|v| format!("{{\"k\": {v}}}")),
    ]
}

/// Objects over a few names, so that columns meet many kinds; some names twice.
fn record() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c", "A"]),
        1 => prop::sample::select(vec!["", "a.b", "ü", "say \"x\"", "element"]),
    ];
    prop::collection::vec((name, value()), 0..6).prop_map(|fields| {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
        format!("{{{}}}", fields.join(", "))
    })
}

fn kinds(shape: &Shape) -> BTreeMap<String, Kind> {
    shape.columns().iter().map(|column| (column.name().to_owned(), column.kind())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_back_equal(texts in prop::collection::vec(record(), 0..40), cut in 1..40_usize, group in 1..400_usize, skip in 0..45_u64) {
        let shape = Shape::of(&records(&texts));
        let batches: Vec<Records> = texts.chunks(cut).map(records).collect();
        let file = write(&batches, &shape, group);
        let whole = read(ParquetReader::open(file.try_clone().unwrap()).unwrap());
        let mut reader = ParquetReader::open(file).unwrap();
        prop_assert_eq!(reader.rows(), texts.len() as u64);
        prop_assert_eq!(reader.shape().unwrap(), shape.clone());
        reader.skip_to(skip);
        let back = read(reader);
        prop_assert_eq!(&whole[whole.len().min(skip as usize)..], &back[..]);
        let rest = &texts[texts.len().min(skip as usize)..];
        prop_assert_eq!(back.len(), rest.len());
        for (text, back) in rest.iter().zip(&back) {
            prop_assert_eq!(found(back), expected(text, &shape), "{} -> {}", text, back);
        }
    }

    #[test]
    fn the_order_of_joining_does_not_matter(a in prop::collection::vec(record(), 0..6), b in prop::collection::vec(record(), 0..6), c in prop::collection::vec(record(), 0..6)) {
        let [a, b, c] = [a, b, c].map(|texts| Shape::of(&records(&texts)));
        let join = |x: &Shape, y: &Shape| { let mut joined = x.clone(); joined.widen(y); joined };
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(kinds(&join(&a, &b)), kinds(&join(&b, &a)));
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert!(join(&a, &b).holds(&a) && join(&a, &b).holds(&b));
    }
}

#[test]
fn records_without_fields_are_counted() {
    for texts in [vec!["{}".to_owned()], vec!["{}".to_owned(); 1000]] {
        let shape = Shape::of(&records(&texts));
        let reader = ParquetReader::open(write(&[records(&texts)], &shape, 1)).unwrap();
        assert_eq!(reader.rows(), texts.len() as u64);
        assert_eq!(read(reader), texts);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = Shape::of(&["{\"a\":1}"].into_iter().collect());
    for (record, word) in [(r#"{"a":1.5}"#, "`a` (Int)"), (r#"{"b":1}"#, "`b`")] {
        let mut writer = ParquetWriter::create(Vec::new(), &shape, &WriteOptions::default()).unwrap();
        let error = writer.write(&[record].into_iter().collect()).unwrap_err();
        assert!(error.message().contains(word), "{error}");
    }
}

#[test]
fn what_fits_is_taken_as_a_whole_and_nothing_else() {
    let known = [r#"{"a":1,"b":"x"}"#, r#"{"b":null,"a":2}"#];
    let shape = Shape::of(&known.into_iter().collect());
    let file = tempfile::tempfile().unwrap();
    let mut writer = ParquetWriter::create(&file, &shape, &WriteOptions::default()).unwrap();
    assert!(writer.take(&known.into_iter().collect()).unwrap());
    // A field that is not known, even if it is null; a value of another kind, after one that fits.
    for other in
        [[r#"{"a":3}"#, r#"{"c":null}"#], [r#"{"a":3}"#, r#"{"a":1.5}"#], [r#"{"a":3}"#, r#"{"b":[]}"#]]
    {
        assert!(!writer.take(&other.into_iter().collect()).unwrap(), "{other:?}");
    }
    assert!(writer.take(&[r#"{"a":1,"a":4,"b":"\u0079"}"#].into_iter().collect()).unwrap());
    assert_eq!(writer.close().unwrap().rows, 3);
    let expected = [r#"{"a":1,"b":"x"}"#, r#"{"a":2}"#, r#"{"a":4,"b":"y"}"#];
    assert_eq!(read(ParquetReader::open(file).unwrap()), expected);
}
