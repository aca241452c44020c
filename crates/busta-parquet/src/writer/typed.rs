//! Records that are columns already become Arrow's.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, new_null_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use busta_core::columns::{Column, Texts, Values};

use crate::column::Build;
use crate::row_groups::Given;
use crate::shape::{Kind, Shape};
use crate::value::{Value, exact};

/// The columns of a file with `shape`; `None` if it does not hold these as they are, or not at all.
pub(super) fn given<'a>(shape: &Shape, rows: usize, columns: &[&'a Column]) -> Option<Vec<Given<'a>>> {
    if rows == 0 || shape.columns().is_empty() {
        return None;
    }
    let is_known = |column: &&Column| shape.columns().iter().any(|known| known.name() == column.name());
    if !columns.iter().all(is_known) {
        return None;
    }
    let given = shape.columns().iter().map(|known| {
        let nothing = || Given::Values(nulls_only(known.kind(), rows));
        match columns.iter().find(|column| column.name() == known.name()) {
            None => Some(nothing()),
            Some(column) if known.is_null() => is_null(column, rows).then(nothing),
            Some(column) => match same_text(column).filter(|_| known.kind() == Kind::Text) {
                Some(text) => Some(Given::Same(text)),
                None => numbers(column, known.kind(), rows)
                    .or_else(|| array(column, known.kind(), rows).map(Given::Values)),
            },
        }
    });
    given.collect()
}

fn is_null(column: &Column, rows: usize) -> bool {
    matches!(column.values(), Values::Same(raw) if &**raw == "null") || column.nulls().count() == rows
}

/// The text that all rows have.
fn same_text(column: &Column) -> Option<Box<str>> {
    let Values::Same(raw) = column.values() else { return None };
    let Value::Text(text) = Value::of(raw) else { return None };
    Some(text.into())
}

/// Numbers and booleans, where they are; `None` if they are of another kind.
fn numbers(column: &Column, kind: Kind, rows: usize) -> Option<Given<'_>> {
    let nulls = || nulls(column, rows);
    Some(match (kind, column.values()) {
        (Kind::Bool, Values::Bools(values)) => Given::Bools(values, nulls()),
        (Kind::Int, Values::Ints(values)) | (Kind::Time, Values::Times(values)) => {
            Given::Whole(values, nulls())
        }
        (Kind::Float, Values::Floats(values)) => Given::Doubles(values, nulls()),
        _ => return None,
    })
}

fn array(column: &Column, kind: Kind, rows: usize) -> Option<ArrayRef> {
    Some(match (kind, column.values()) {
        (Kind::Text, Values::Texts(texts)) | (Kind::Json, Values::Raw(texts)) => {
            Arc::new(self::texts(texts, nulls(column, rows)))
        }
        (Kind::Float, Values::Ints(values)) if values.iter().all(|value| exact(*value)) => {
            let values: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            Arc::new(Float64Array::new(values.into(), nulls(column, rows)))
        }
        (_, Values::Raw(texts)) => read(column, texts, kind)?,
        (_, Values::Same(raw)) => same(raw, kind, rows)?,
        _ => return None,
    })
}

fn texts(texts: &Texts, nulls: Option<NullBuffer>) -> StringArray {
    // A batch is far below the 2 GiB that a column of texts may hold.
    let ends = std::iter::once(0).chain(texts.ends().iter().map(|end| *end as i32)).collect::<Vec<i32>>();
    strings(ends, texts.bytes().as_bytes().to_vec(), nulls)
}

/// The array of values that stand as JSON texts; `None` if it does not hold one of them.
fn read(column: &Column, texts: &Texts, kind: Kind) -> Option<ArrayRef> {
    let mut build = Build::new(kind);
    for row in 0..texts.ends().len() {
        if column.nulls().is_null(row) {
            build.append_null();
        } else {
            build.append(texts.get(row)).ok()?;
        }
    }
    Some(build.finish())
}

fn same(raw: &str, kind: Kind, rows: usize) -> Option<ArrayRef> {
    match (Value::of(raw), kind) {
        (Value::Null, _) => Some(nulls_only(kind, rows)),
        _ => {
            let mut build = Build::new(kind);
            (0..rows).try_for_each(|_| build.append(raw)).ok()?;
            Some(build.finish())
        }
    }
}

fn strings(ends: Vec<i32>, bytes: Vec<u8>, nulls: Option<NullBuffer>) -> StringArray {
    StringArray::new(OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from_vec(bytes), nulls)
}

fn nulls_only(kind: Kind, rows: usize) -> ArrayRef {
    new_null_array(&Build::data_type(kind), rows)
}

fn nulls(column: &Column, rows: usize) -> Option<NullBuffer> {
    if column.nulls().is_empty() {
        return None;
    }
    let mut present = column.nulls().present().to_vec();
    present.resize(rows.div_ceil(8), 0xff);
    Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(present), 0, rows)))
}

#[cfg(test)]
mod tests {
    use busta_core::Records;
    use busta_core::columns::{Cell, Columns};

    use crate::{ParquetReader, ParquetWriter, Shape, WriteOptions};

    use super::*;

    fn columns() -> Columns {
        let mut columns = Columns::new(vec![
            Column::new("n", Values::Ints(vec![])),
            Column::new("f", Values::Floats(vec![])),
            Column::new("b", Values::Bools(vec![])),
            Column::new("at", Values::Times(vec![])),
            Column::new("t", Values::Texts(Texts::default())),
            Column::new("nothing", Values::Texts(Texts::default())),
            Column::new("list", Values::Raw(Texts::default())),
            Column::new("decimal", Values::Raw(Texts::default())),
        ])
        .with("s", "\"BTC\"")
        .with("five", "5")
        .with("null", "null");
        for n in 0..20_i64 {
            if n % 7 != 3 {
                let cells = [
                    Cell::Int(n * n - 50),
                    Cell::Float(n as f64 / 4.0),
                    Cell::Bool(n % 2 == 0),
                    Cell::Time(1_704_067_200_000_000 + n),
                    Cell::Text(if n % 2 == 0 { "é\"" } else { "" }),
                ];
                for (place, cell) in cells.into_iter().enumerate() {
                    assert!(columns.column_mut(place).push(cell));
                }
                assert!(columns.column_mut(6).push(Cell::Raw("[1,{}]")));
                assert!(columns.column_mut(7).push(Cell::Raw(if n % 2 == 0 { "12.50" } else { "7" })));
            }
            columns.end_row();
        }
        columns
    }

    fn read(shape: &Shape, records: &[&Records]) -> Vec<String> {
        let file = tempfile::tempfile().unwrap();
        let mut writer = ParquetWriter::create(&file, shape, &WriteOptions::default()).unwrap();
        records.iter().for_each(|records| assert!(writer.take(records).unwrap()));
        writer.close().unwrap();
        let pages = ParquetReader::open(file).unwrap();
        let page = |page: busta_core::Result<Records>| page.unwrap();
        let text = |record: &[u8]| String::from_utf8(record.to_vec()).unwrap();
        pages.map(page).flat_map(|page| page.iter().map(text).collect::<Vec<_>>()).collect()
    }

    fn given_of(shape: &Shape, columns: &Columns) -> Option<usize> {
        let list: Vec<&Column> = columns.list().iter().collect();
        given(shape, columns.rows(), &list).map(|given| given.len())
    }

    fn as_text(records: &Records) -> Records {
        records.pick(0..records.len())
    }

    #[test]
    fn columns_come_out_as_their_texts_would() {
        let typed = Records::of_columns(columns());
        let text = as_text(&typed);
        let shape = Shape::of(&typed);
        assert_eq!(shape, Shape::of(&text));
        assert_eq!(given_of(&shape, &columns()), Some(11));
        let expected = read(&shape, &[&text, &text, &text]);
        assert_eq!(expected.len(), 60);
        assert_eq!(read(&shape, &[&typed, &text, &typed]), expected);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let typed = Records::of_columns(columns());
        let narrow = Shape::of(&typed.pick(0..0));
        assert_eq!(given_of(&narrow, &columns()), None);
        let texts: Records =
            [r#"{"n":"x","f":1.5,"b":true,"at":"x","t":"x","s":"y","five":"z","nothing":1,"null":1}"#]
                .into_iter()
                .collect();
        let mut wide = Shape::of(&texts);
        assert_eq!(given_of(&wide, &columns()), None, "numbers in a column of texts");
        wide.widen(&Shape::of(&typed));
        assert_eq!(read(&wide, &[&typed]), read(&wide, &[&as_text(&typed)]));
    }

    #[test]
    fn whole_numbers_go_into_a_column_of_others_if_it_holds_them() {
        let of = |numbers: &[Option<i64>]| {
            let mut columns = Columns::new(vec![Column::new("n", Values::Ints(vec![]))]);
            for number in numbers {
                assert!(number.is_none_or(|number| columns.column_mut(0).push(Cell::Int(number))));
                columns.end_row();
            }
            columns
        };
        let shape = Shape::of(&[r#"{"n":1.5}"#].into_iter().collect::<Records>());
        let most = 1 << 53;
        let columns = of(&[Some(7), None, Some(most), Some(-most), Some(0)]);
        assert!(given_of(&shape, &columns).is_some());
        let typed = Records::of_columns(columns);
        assert_eq!(read(&shape, &[&typed]), read(&shape, &[&as_text(&typed)]));
        assert!(
            given_of(&shape, &of(&[Some(1), Some(most + 1)])).is_none(),
            "as a float it is another number"
        );
    }
}
