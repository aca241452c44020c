//! What the types of Parquet become, and what damage becomes.
#![allow(missing_docs, clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use busta_core::columns::{Column, Values};
use busta_core::{ErrorKind, Records};
use busta_parquet::{ParquetReader, ParquetWriter, Shape, WriteOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use serde_json::{Value, json};

fn write(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> File {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = tempfile::tempfile().unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(&file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn read(file: File) -> Vec<String> {
    let batches: Vec<Records> = ParquetReader::open(file).unwrap().map(Result::unwrap).collect();
    batches
        .iter()
        .flat_map(|b| b.iter().map(|r| String::from_utf8(r.to_vec()).unwrap()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_type_becomes_json() {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k\"");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let uuid = [0x55, 0x0e, 0x84, 0, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 0];
    let group = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("y", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![None, Some("b")])) as ArrayRef,
        ),
    ]);
    let dictionary: DictionaryArray<types::Int32Type> = vec![Some("one"), None].into_iter().collect();
    let decimals = Decimal128Array::from(vec![Some(-1234), None]).with_precision_and_scale(38, 2).unwrap();
    let instants = TimestampMicrosecondArray::from(vec![Some(1_714_557_600_500_000), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-8), None]))),
        ("large", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("float", Arc::new(Float32Array::from(vec![0.1, f32::NAN]))),
        ("decimal", Arc::new(decimals)),
        ("text", Arc::new(StringArray::from(vec![Some("a\n\"ü"), None]))),
        ("dictionary", Arc::new(dictionary)),
        ("binary", Arc::new(BinaryArray::from(vec![Some(&uuid[..3]), None]))),
        ("date", Arc::new(Date32Array::from(vec![Some(19_844), None]))),
        ("utc", Arc::new(instants.clone().with_timezone("+02:00"))),
        ("naive", Arc::new(instants)),
        ("time", Arc::new(Time64NanosecondArray::from(vec![Some(1), None]))),
        ("list", Arc::new(list.finish())),
        ("map", Arc::new(map.finish())),
        ("group", Arc::new(group)),
    ];
    let rows = read(write(columns, Compression::UNCOMPRESSED));
    assert_eq!(
        rows,
        [
            concat!(
                r#"{"bool":true,"small":-8,"large":18446744073709551615,"float":0.1,"decimal":-12.34,"#,
                r#""text":"a\n\"ü","dictionary":"one","binary":"VQ6E","date":"2024-05-01","#,
                r#""utc":"2024-05-01T10:00:00.500000Z","naive":"2024-05-01T10:00:00.500","#,
                r#""time":"00:00:00.000000001","list":[1,null],"map":{"k\"":1},"group":{"x":1}}"#
            ),
            r#"{"group":{"y":"b"}}"#,
        ]
    );
}

/// What the columns of a file's rows are, all nulls aside.
fn kinds(file: File) -> Vec<(String, &'static str)> {
    let records = ParquetReader::open(file).unwrap().next().unwrap().unwrap();
    let kind = |column: &Column| match column.values() {
        Values::Bools(_) => "bools",
        Values::Ints(_) => "ints",
        Values::Floats(_) => "floats",
        Values::Times(_) => "times",
        Values::Texts(_) => "texts",
        Values::Raw(_) => "raw",
        Values::Same(_) => "same",
    };
    let list = records.columns().unwrap().list();
    list.iter().map(|column| (column.name().to_owned(), kind(column))).collect()
}

#[test]
fn types_stay_what_they_are() {
    let nanos = |nanos: Vec<Option<i64>>| TimestampNanosecondArray::from(nanos).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("byte", Arc::new(UInt8Array::from(vec![Some(255), None, Some(0)]))),
        ("small", Arc::new(UInt64Array::from(vec![1, 2, i64::MAX as u64]))),
        ("large", Arc::new(UInt64Array::from(vec![1, 2, i64::MAX as u64 + 1]))),
        ("nan", Arc::new(Float64Array::from(vec![f64::NAN, -0.5, f64::INFINITY]))),
        ("single", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(1e10)]))),
        ("millis", Arc::new(TimestampMillisecondArray::from(vec![0, 1, -1]).with_timezone("+00:00"))),
        ("nanos", Arc::new(nanos(vec![Some(1_000), None, Some(-2_000)]))),
        ("fine", Arc::new(nanos(vec![Some(1_001), None, Some(-2_000)]))),
        ("far", Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX, 0, 0]).with_timezone("UTC"))),
        ("date", Arc::new(Date32Array::from(vec![Some(0), None, Some(-1)]))),
    ];
    let file = || write(columns.clone(), Compression::UNCOMPRESSED);
    let expected = [
        ("byte", "ints"),
        ("small", "ints"),
        ("large", "raw"),
        ("nan", "floats"),
        ("single", "floats"),
        ("millis", "times"),
        ("nanos", "times"),
        ("fine", "texts"),
        ("far", "texts"),
        ("date", "texts"),
    ];
    assert_eq!(kinds(file()), expected.map(|(name, kind)| (name.to_owned(), kind)));
    let rows: Vec<Value> = read(file()).iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(
        rows,
        [
            json!({"byte": 255, "small": 1, "large": 1, "single": 0.1, "millis": "1970-01-01T00:00:00.000000Z",
                "nanos": "1970-01-01T00:00:00.000001Z", "fine": "1970-01-01T00:00:00.000001001Z",
                "far": "+294247-01-10T04:00:54.775807Z", "date": "1970-01-01"}),
            json!({"small": 2, "large": 2, "nan": -0.5, "millis": "1970-01-01T00:00:00.001000Z",
                "far": "1970-01-01T00:00:00.000000Z"}),
            json!({"byte": 0, "small": i64::MAX, "large": i64::MAX as u64 + 1, "single": 1e10,
                "millis": "1969-12-31T23:59:59.999000Z", "nanos": "1969-12-31T23:59:59.999998Z",
                "fine": "1969-12-31T23:59:59.999998Z", "far": "1970-01-01T00:00:00.000000Z", "date": "1969-12-31"}),
        ]
    );
}

/// Two columns of one name: the fields of an object, of which the last counts.
#[test]
fn columns_of_one_name_are_texts() {
    let field =
        |n: i64| (Arc::new(Field::new("a", DataType::Int64, true)), Arc::new(Int64Array::from(vec![n])));
    let fields = [field(1), field(2)];
    let schema = Arc::new(Schema::new(fields.iter().map(|(field, _)| Arc::clone(field)).collect::<Vec<_>>()));
    let arrays = fields.into_iter().map(|(_, array)| array as ArrayRef).collect();
    let file = tempfile::tempfile().unwrap();
    let mut writer = ArrowWriter::try_new(&file, schema.clone(), None).unwrap();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.close().unwrap();
    assert_eq!(read(file), [r#"{"a":1,"a":2}"#]);
}

#[test]
fn usual_codecs_are_read() {
    for codec in
        [Compression::SNAPPY, Compression::GZIP(Default::default()), Compression::LZ4_RAW, Compression::LZ4]
    {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1; 1000]));
        assert_eq!(read(write(vec![("n", column)], codec))[999], r#"{"n":1}"#, "{codec:?}");
    }
}

#[test]
fn a_file_without_rows_is_empty() {
    let file = tempfile::tempfile().unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    ArrowWriter::try_new(&file, schema, None).unwrap().close().unwrap();
    assert!(read(file).is_empty());
}

/// A small file with several row groups and pages.
fn sound() -> Vec<u8> {
    let texts: Vec<String> = (0..200)
        .map(|n| format!(r#"{{"id":{n},"name":"n{}","tags":[{n}],"at":{}.5}}"#, n % 7, n * n))
        .collect();
    let records: Records = texts.iter().map(String::as_str).collect();
    let mut options = WriteOptions::default();
    options.row_group_bytes = 1;
    let mut bytes = Vec::new();
    let mut writer = ParquetWriter::create(&mut bytes, &Shape::of(&records), &options).unwrap();
    for part in texts.chunks(50) {
        writer.write(&part.iter().map(String::as_str).collect()).unwrap();
    }
    writer.close().unwrap();
    bytes
}

/// Reads as far as it goes; the error if there is one.
fn read_damaged(bytes: &[u8]) -> Option<busta_core::Error> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    match ParquetReader::open(file) {
        Ok(mut reader) => reader.find_map(Result::err),
        Err(error) => Some(error),
    }
}

#[test]
fn cut_files_are_damaged() {
    let bytes = sound();
    for cut in [0, 3, 4, 11, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(read_damaged(&bytes[..cut]).map(|e| e.kind()), Some(ErrorKind::Corrupt), "cut at {cut}");
    }
}

/// The double that its digits say.
fn as_said(single: f32) -> f64 {
    serde_json::to_string(&single).unwrap().parse().unwrap()
}

/// A field as JSON has it; none where that is null.
fn text_of(name: &str, value: &impl serde::Serialize) -> Option<String> {
    let text = serde_json::to_string(value).unwrap();
    (text != "null").then(|| format!("\"{name}\":{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers_say_what_json_says(rows in prop::collection::vec(any::<(Option<f32>, Option<f64>, Option<i64>, Option<String>, Option<bool>)>(), 1..40)) {
        let expected: Vec<String> = rows.iter().map(|(single, double, long, text, flag)| {
            let fields = [text_of("f", &single.map(as_said)), text_of("d", double), text_of("l", long), text_of("t", text), text_of("b", flag)];
            format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(","))
        }).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("f", Arc::new(rows.iter().map(|row| row.0).collect::<Float32Array>())),
            ("d", Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>())),
            ("l", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
            ("t", Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>())),
            ("b", Arc::new(rows.iter().map(|row| row.4).collect::<BooleanArray>())),
        ];
        prop_assert_eq!(read(write(columns, Compression::SNAPPY)), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_and_no_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4)) {
        let mut bytes = sound();
        for (place, bits) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
        }
        if let Some(error) = read_damaged(&bytes) {
            prop_assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Data), "{error}");
        }
    }
}
