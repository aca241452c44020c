//! Arrow's columns as columns of records. Their texts are those that [`Cells`] would write.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, TimeUnit};
use busta_core::columns::{Cell, Column, Columns, Nulls, Texts, Values};
use busta_core::{Error, Result};

use super::cells::Cells;
use super::plan::{FileColumn, Form};
use crate::shape::Kind;
use crate::time::MOMENTS;

/// The columns of `batch`; fields that are null are left out of their texts.
pub(super) fn of(batch: &RecordBatch, columns: &[FileColumn], forms: &[Form]) -> Result<Columns> {
    let parts = batch.columns().iter().zip(columns).zip(forms);
    let list = parts.map(|((array, column), form)| column_of(array, column, form)).collect::<Result<_>>()?;
    let columns = Columns::of(batch.num_rows(), list).map(Columns::sparse);
    columns.ok_or_else(|| Error::bug("the columns of a Parquet file do not fit together"))
}

fn column_of(array: &ArrayRef, column: &FileColumn, form: &Form) -> Result<Column> {
    let mut present = present(array);
    let values = match form {
        Form::Plain => plain(array, &mut present),
        Form::Moment => moments(array).map(Values::Times),
        _ => None,
    };
    match values {
        Some(values) => Ok(Column::new(&column.name, values).with_nulls(Nulls::of(present))),
        None => spelt(array, column, form),
    }
}

/// A bit for each row, set where there is a value; no bits if there is one everywhere.
fn present(array: &ArrayRef) -> Vec<u8> {
    let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { return Vec::new() };
    let mut bits = nulls.inner().sliced().as_slice().to_vec();
    bits.truncate(array.len().div_ceil(8));
    if let (Some(last), used @ 1..) = (bits.last_mut(), array.len() % 8) {
        *last |= 0xff << used;
    }
    bits
}

/// Values of a type that columns of records have too.
fn plain(array: &ArrayRef, present: &mut Vec<u8>) -> Option<Values> {
    use DataType as T;
    Some(match array.data_type() {
        T::Boolean => Values::Bools(array.as_boolean().values().iter().collect()),
        T::Utf8 => Values::Texts(texts(array.as_string())?),
        T::Int8 => ints::<Int8Type>(array),
        T::Int16 => ints::<Int16Type>(array),
        T::Int32 => ints::<Int32Type>(array),
        T::Int64 => Values::Ints(array.as_primitive::<Int64Type>().values().to_vec()),
        T::UInt8 => ints::<UInt8Type>(array),
        T::UInt16 => ints::<UInt16Type>(array),
        T::UInt32 => ints::<UInt32Type>(array),
        T::UInt64 => {
            let values = array.as_primitive::<UInt64Type>().values().iter();
            Values::Ints(values.map(|value| i64::try_from(*value)).collect::<Result<_, _>>().ok()?)
        }
        T::Float16 => {
            floats(array.as_primitive::<Float16Type>().values().iter().map(|half| half.to_f32()), present)
        }
        T::Float32 => floats(array.as_primitive::<Float32Type>().values().iter().copied(), present),
        T::Float64 => doubles(array.as_primitive::<Float64Type>().values().to_vec(), present),
        _ => return None,
    })
}

fn ints<T: ArrowPrimitiveType>(array: &ArrayRef) -> Values
where
    i64: From<T::Native>,
{
    Values::Ints(array.as_primitive::<T>().values().iter().map(|value| i64::from(*value)).collect())
}

/// Integers up to here have all their digits in a single.
const EXACT: f32 = 16_777_216.0;

/// Doubles that say what the texts of these say: 0.1 stays 0.1.
fn floats(values: impl Iterator<Item = f32>, present: &mut Vec<u8>) -> Values {
    let mut text = Vec::new();
    let double = |value: f32| {
        let exact = f64::from(value);
        if value.fract() == 0.0 && value.abs() <= EXACT || !value.is_finite() {
            return exact;
        }
        text.clear();
        // Writing to memory cannot fail, and what is written is a number.
        let _ = serde_json::to_writer(&mut text, &value);
        str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(exact)
    };
    doubles(values.map(double).collect(), present)
}

/// JSON has no numbers for those that are not finite: they are null.
fn doubles(mut values: Vec<f64>, present: &mut Vec<u8>) -> Values {
    for (row, value) in values.iter_mut().enumerate().filter(|(_, value)| !value.is_finite()) {
        *value = 0.0;
        if present.len() <= row / 8 {
            present.resize(row / 8 + 1, 0xff);
        }
        present[row / 8] &= !(1 << (row % 8));
    }
    Values::Floats(values)
}

fn texts(array: &StringArray) -> Option<Texts> {
    let offsets = array.value_offsets();
    let (first, last) = (*offsets.first()?, *offsets.last()?);
    let bytes = str::from_utf8(&array.value_data()[first as usize..last as usize]).ok()?;
    Texts::of(bytes.to_owned(), offsets[1..].iter().map(|end| (end - first) as u32).collect())
}

/// Microseconds; `None` if one of them says more than these can.
fn moments(array: &ArrayRef) -> Option<Vec<i64>> {
    let micros: Vec<i64> = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().values().to_vec()
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().values().iter();
            millis.map(|millis| millis.checked_mul(1000)).collect::<Option<_>>()?
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().values().iter();
            nanos.map(|nanos| (nanos % 1000 == 0).then_some(nanos / 1000)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    micros.iter().all(|micros| MOMENTS.contains(micros)).then_some(micros)
}

/// Values of any other type, one by one.
fn spelt(array: &ArrayRef, column: &FileColumn, form: &Form) -> Result<Column> {
    let cells = Cells::of(array, form)?;
    let are_texts = matches!(column.kind, Kind::Text | Kind::Time);
    let empty = if are_texts { Values::Texts(Texts::default()) } else { Values::Raw(Texts::default()) };
    let mut spelt = Column::new(&column.name, empty);
    let mut json = Vec::new();
    for row in 0..array.len() {
        json.clear();
        cells.write(row, &mut json);
        let json = str::from_utf8(&json).map_err(|_| Error::bug("a cell is no text"))?;
        spelt.push(match json {
            "null" => Cell::Null,
            // Dates, bytes and the like have nothing that JSON escapes.
            json if are_texts => Cell::Text(json.trim_matches('"')),
            json => Cell::Raw(json),
        });
    }
    Ok(spelt)
}
