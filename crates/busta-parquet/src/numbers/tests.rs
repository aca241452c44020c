use std::fs::File;

use busta_core::Records;
use busta_core::columns::{Cell, Column, Columns, Values};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;

use super::*;
use crate::{ParquetReader, ParquetWriter, Shape, WriteOptions};

/// A row: an integer, a double, a moment and a boolean, each of which may be null.
type Row = (Option<i64>, Option<f64>, Option<i64>, Option<bool>);

fn columns(rows: &[Row]) -> Columns {
    let mut columns = Columns::new(vec![
        Column::new("n", Values::Ints(vec![])),
        Column::new("f", Values::Floats(vec![])),
        Column::new("at", Values::Times(vec![])),
        Column::new("b", Values::Bools(vec![])),
    ]);
    for (n, f, at, b) in rows {
        let cells = [n.map(Cell::Int), f.map(Cell::Float), at.map(Cell::Time), b.map(Cell::Bool)];
        for (place, cell) in cells.into_iter().enumerate() {
            columns.column_mut(place).push(cell.unwrap_or(Cell::Null));
        }
        columns.end_row();
    }
    columns
}

fn write(batches: &[Records], row_group_bytes: usize) -> File {
    let file = tempfile::tempfile().unwrap();
    let options = WriteOptions { row_group_bytes, ..WriteOptions::default() };
    let shape = Shape::of(&Records::of_columns(columns(&[(Some(1), Some(1.5), Some(1), Some(true))])));
    let mut writer = ParquetWriter::create(&file, &shape, &options).unwrap();
    for records in batches {
        assert!(writer.take(records).unwrap());
    }
    writer.close().unwrap();
    file
}

fn texts<'a>(batches: impl IntoIterator<Item = &'a Records>) -> Vec<serde_json::Value> {
    let rows = batches.into_iter().flat_map(Records::iter);
    rows.map(|row| serde_json::from_slice::<serde_json::Value>(row).unwrap())
        .map(|mut row| {
            row.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            row
        })
        .collect()
}

fn any_row() -> impl Strategy<Value = Row> {
    let ints = prop_oneof![any::<i64>(), 0..3_i64, Just(i64::MIN), Just(i64::MAX)];
    let floats = prop_oneof![prop::num::f64::NORMAL, Just(0.0), Just(-0.0), Just(1.5)];
    let times = 0..4_000_000_000_000_000_i64;
    (prop::option::of(ints), prop::option::of(floats), prop::option::of(times), any::<Option<bool>>())
}

proptest! {
    #[test]
    fn values_come_back_in_their_rows(
        batches in prop::collection::vec(prop::collection::vec(any_row(), 1..200), 1..6),
        as_text: bool,
        row_group_bytes in 1000..60_000_usize,
    ) {
        let of = |rows: &Vec<Row>| {
            let records = Records::of_columns(columns(rows));
            if as_text { records.pick(0..records.len()) } else { records }
        };
        let batches: Vec<Records> = batches.iter().map(of).collect();
        let file = write(&batches, row_group_bytes);
        let found: Vec<_> = ParquetReader::open(file.try_clone().unwrap()).unwrap().map(Result::unwrap).collect();
        let expected = texts(&batches);
        prop_assert_eq!(&texts(&found), &expected);
        let mut reader = ParquetReader::open(file).unwrap();
        reader.skip_to(expected.len() as u64 / 2);
        let rest: Vec<_> = reader.map(Result::unwrap).collect();
        prop_assert_eq!(&texts(&rest), &expected[expected.len() / 2..]);
    }
}

/// Doubles of which there are so many different ones, and whole numbers that go up.
fn many(rows: i64, different: i64) -> Vec<Row> {
    let row = |n: i64| {
        let at = (n % 1000 != 7).then_some(1_704_067_200_000_000 + n * 1000);
        (Some(3_000_000_000 + n), Some((n % different) as f64 / 8.0), at, Some(n % 3 == 0))
    };
    (0..rows).map(row).collect()
}

/// Of the pages with values.
fn encodings(file: &File, column: usize) -> Vec<Encoding> {
    let reader = SerializedFileReader::new(file.try_clone().unwrap()).unwrap();
    let pages = reader.metadata().row_group(0).column(column).page_encoding_stats_mask();
    pages.unwrap().encodings().collect()
}

#[test]
fn each_page_is_encoded_as_it_is_best() {
    use Encoding::{BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, PLAIN, RLE_DICTIONARY};
    for (different, expected) in [(1_000, RLE_DICTIONARY), (35_000, BYTE_STREAM_SPLIT)] {
        let rows = many(70_000, different);
        let batches: Vec<Records> =
            rows.chunks(3_000).map(|rows| Records::of_columns(columns(rows))).collect();
        let file = write(&batches, 1 << 30);
        assert_eq!(encodings(&file, 1), [expected], "{different}");
        assert_eq!(encodings(&file, 0), [DELTA_BINARY_PACKED]);
        assert_eq!(encodings(&file, 3), [PLAIN]);
        let found: Vec<_> = ParquetReader::open(file).unwrap().map(Result::unwrap).collect();
        assert!(texts(&found) == texts(&batches), "{different}");
    }
}

#[test]
fn a_dictionary_that_is_full_keeps_its_pages() {
    let mut rows = many(20_000, 5_000);
    rows.extend(many(60_000, 50_000));
    let batches = [Records::of_columns(columns(&rows))];
    let file = write(&batches, 1 << 30);
    assert_eq!(encodings(&file, 1), [Encoding::RLE_DICTIONARY, Encoding::BYTE_STREAM_SPLIT]);
    let read: Vec<_> = ParquetReader::open(file).unwrap().map(Result::unwrap).collect();
    assert!(texts(&read) == texts(&batches));
}

#[test]
fn readers_are_told_the_bounds() {
    let rows = [(Some(-5), Some(0.0), None, Some(true)), (Some(7), Some(-0.0), None, Some(true))];
    let file = write(&[Records::of_columns(columns(&rows))], 1 << 20);
    let reader = SerializedFileReader::new(file).unwrap();
    let group = reader.metadata().row_group(0).clone();
    let told = |column: usize| {
        let told = group.column(column).statistics().unwrap();
        let bound = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        (bound(told.min_bytes_opt()), bound(told.max_bytes_opt()), told.null_count_opt())
    };
    let ints = [-5_i64, 7].map(|value| Some(value.to_le_bytes().to_vec()));
    let zeros = [-0.0_f64, 0.0].map(|value| Some(value.to_le_bytes().to_vec()));
    let [(least, greatest), (low, high)] = [ints, zeros].map(|[low, high]| (low, high));
    assert_eq!(told(0), (least, greatest, Some(0)));
    assert_eq!(told(1), (low, high, Some(0)));
    assert_eq!(told(2), (None, None, Some(2)));
    assert_eq!(told(3), (Some(vec![1]), Some(vec![1]), Some(0)));
}
